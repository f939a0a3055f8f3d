"""The decorator that compiles functions of this package with Numba and caches the machine code."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numba
from numba.core import config
from numba.core.caching import FunctionCache


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
    options = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    compiled = numba.njit(**options, forceinline=inlined)(function)
    if not config.DISABLE_JIT and (cache := _cache_of(compiled.py_func)) is not None:
        compiled._cache = cache
    return compiled


class _Cache(FunctionCache):
    """Numba's cache, which is never the reason that a function cannot be called.

    A file that is damaged, as by a full disk, is compiled anew. A file that cannot be written is left out.
    """

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            with suppress(Exception):
                self.flush()  # or the new code could not be added to what is damaged
            return None

    def save_overload(self, sig, data):
        with suppress(Exception):
            super().save_overload(sig, data)


def temporary_cache():
    """Return a folder for machine code where Numba may write to none of its own, or None if it would not be safe.

    Machine code is executed, so that the folder must belong to this user alone.
    """
    if os.name != "posix":
        return None
    folder = Path(tempfile.gettempdir()) / f"lodo-bench-numba-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if is_own else None


def _cache_of(function):
    """Return the cache of a function; None if there is no folder for it, so that each process compiles it."""
    with suppress(RuntimeError):  # "no locator available"
        return _Cache(function)
    if (folder := temporary_cache()) is None:
        return None
    config.CACHE_DIR = str(folder)
    with suppress(RuntimeError):
        return _Cache(function)
    return None
