"""The decorator that compiles functions of this package with Numba and caches the machine code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numba


def source_hash(files: Iterable[Path]) -> str:
    """Return a hash of the contents of all files."""
    digest = hashlib.blake2b(digest_size=8)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


_PACKAGE_HASH = source_hash(sorted(Path(__file__).parent.glob("*.py")))


def jit(function=None, *, inlined=False):
    """Compile a function when it is first called, and cache the machine code for other processes.

    Sums and products may be contracted to fused multiply-adds, but nothing is reordered: results depend neither on the
    place of an individual in memory, nor on which other individuals are in the batch, nor on the number of threads.

    Numba recompiles a function whose name or file has changed, but not the callers of functions in other files. So the
    name contains a hash of all files in this folder.

    Args:
        function: the function; its arithmetic is that of NumPy, without exceptions.
        inlined: inline the function into its callers. A call passes a dozen numbers for each array, which takes as long
            as the arithmetic on a few vectors.
    """
    if function is None:
        return lambda function: jit(function, inlined=inlined)
    function.__qualname__ = f"{function.__qualname__}_{_PACKAGE_HASH}"
    options = {"cache": True, "nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    return numba.njit(**options, forceinline=inlined)(function)
