"""How functions of this package are compiled by Numba for CPUs, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numba


def source_hash(files: Iterable[Path]) -> str:
    """A text that is another one when any of the files has changed."""
    found = hashlib.blake2b(digest_size=8)
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()


_OURS = source_hash(sorted(Path(__file__).parent.glob("*.py")))


def jit(function=None, *, inlined=False):
    """Compile a function when it is called first, and keep the machine code for other processes.

    Sums and products may be contracted to fused multiply-adds, but nothing is reordered: results do not depend on where
    in memory, or beside whom, an individual is, nor on the number of threads.

    Numba compiles again what has another name, or whose own file has changed, but not what calls functions of other
    files. So the name tells the content of all files of this package with compiled code.

    Args:
        function: whose arithmetic is that of NumPy: no exceptions.
        inlined: whether it becomes part of every function that calls it. A call hands over a dozen numbers for each
            array, which takes as long as to work on a few vectors.
    """
    if function is None:
        return lambda function: jit(function, inlined=inlined)
    function.__qualname__ = f"{function.__qualname__}_{_OURS}"
    options = {"cache": True, "nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    return numba.njit(**options, forceinline=inlined)(function)
