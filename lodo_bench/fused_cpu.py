"""The loop of `lodo_bench.fused`, compiled by Numba for each pair of a task's code and an optimizer's."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np

# `fused` gives each of its loops two of its own.
evaluate: Any = None
update: Any = None


def _loop(task, optimizer, points, losses, first, last):
    """All steps of individuals `first` to `last`."""
    gradient = np.empty(points.shape[1], points.dtype)
    for p in range(first, last):
        for k in range(len(losses)):
            losses[k, p] = evaluate(task, p, k, points[p], gradient)
            update(optimizer, p, k, gradient, points[p])


@cache
def fused(evaluate: Any, update: Any) -> Any:
    """The loop that calls these two, functions that Numba compiles.

    Numba keeps what it has compiled under the name of the function and the time of its file. A loop that is handed two
    functions as arguments is compiled anew in every process; so each pair has a loop of its own, whose name tells the
    functions and their files' content.
    """
    functions = [part.py_func for part in (evaluate, update)]
    digest = hashlib.blake2b(digest_size=8)
    for function in functions:
        digest.update(function.__qualname__.encode() + b"\0" + Path(function.__code__.co_filename).read_bytes())
    name = "_".join(("loop", *(function.__name__ for function in functions), digest.hexdigest()))
    loop = FunctionType(_loop.__code__, {**globals(), "evaluate": evaluate, "update": update}, name)
    loop.__qualname__, loop.__module__ = name, __name__
    return numba.njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")(loop)
