"""A trial of Numba: a small function is compiled and cached as those of this package are."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
from numba.core import config

from lodo_bench.backends.numba.jit import jit


def is_disabled() -> bool:
    """Return true if the environment or a settings file switches Numba's compiler off."""
    return bool(config.DISABLE_JIT)


def compile_small() -> None:
    """Compile a function without its cache, and check its result.

    Raises:
        Exception: whatever Numba or LLVM raise.
    """
    found = numba.njit(_function())(np.arange(4.0))
    if found != 14.0:
        raise ArithmeticError(f"0 + 1 + 4 + 9 = {found}")


def cache_folder() -> Path:
    """Compile a function with its cache, and return the folder that the machine code is in.

    Raises:
        RuntimeError: if no folder for it is writable.
    """
    function = jit(_function())
    function(np.arange(4.0))
    return Path(function.stats.cache_path)


def _function():
    def sum_of_squares(values):
        total = 0.0
        for value in values:
            total += value * value
        return total

    return sum_of_squares
