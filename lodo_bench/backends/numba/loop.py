"""The loop of `lodo_bench.backends.compiled_loop`, compiled by Numba for each pair of a task and an optimizer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from lodo_bench.backends.numba.jit import jit, source_hash

# Placeholders: `specialized_loop` gives each of its loops two functions of its own.
evaluate: Any = None
update: Any = None


def _loop(task, optimizer, points, losses, first, last):
    """Take all steps of individuals `first` to `last`."""
    gradient = np.empty(points.shape[1], points.dtype)
    for p in range(first, last):
        for k in range(len(losses)):
            losses[k, p] = evaluate(task, p, k, points[p], gradient)
            update(optimizer, p, k, gradient, points[p])


@cache
def specialized_loop(evaluate: Any, update: Any) -> Any:
    """Return the loop that calls these two compiled functions.

    A loop that takes two functions as arguments is compiled again in every process. So each pair has a loop of its own,
    under a name that contains the names of the functions and a hash of their files.
    """
    functions = [part.py_func for part in (evaluate, update)]
    content = source_hash(Path(function.__code__.co_filename) for function in functions)
    name = "_".join(("loop", *(function.__name__ for function in functions), content))
    loop = FunctionType(_loop.__code__, {**globals(), "evaluate": evaluate, "update": update}, name)
    loop.__qualname__, loop.__module__ = name, __name__
    return jit(loop)
