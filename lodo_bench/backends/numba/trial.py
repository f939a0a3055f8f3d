"""A trial of Numba: a small function is compiled and cached as those of this package are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba.core import config

from lodo_bench.backends.numba.jit import jit, temporary_cache
from lodo_bench.compute.selection import SwitchedOffError


def run() -> None:
    """Compile a function, and check its result.

    Raises:
        SwitchedOffError: if Numba's compiler is.
        Exception: whatever Numba or LLVM raise.
    """
    if config.DISABLE_JIT:
        raise SwitchedOffError("NUMBA_DISABLE_JIT")
    found = jit(_function())(np.arange(4.0))
    if found != 14.0:
        raise ArithmeticError(f"0 + 1 + 4 + 9 = {found}")


def cache_folder() -> Path | None:
    """Return the folder that machine code is kept in; None if there is none, so that each process compiles its own."""
    function = jit(_function())
    function(np.arange(4.0))
    return None if function.stats.cache_path is None else Path(function.stats.cache_path)


def is_temporary(folder: Path) -> bool:
    """Return whether a folder is the one that is used where Numba may write to none of its own."""
    return temporary_cache() in folder.parents


def _function():
    def sum_of_squares(values):
        total = 0.0
        for value in values:
            total += value * value
        return total

    return sum_of_squares
