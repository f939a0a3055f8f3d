"""A single compiled loop over task and optimizer, where both have compiled code.

A step of a small problem takes less time than a call from Python, and a population in lockstep passes through the
caches once per step. As individuals are independent, each can instead take many steps before the next one starts. The
results are the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor

from lodo_bench.backends import numba as numba_tables
from lodo_bench.compute.selection import current_backend, load_attribute, qualified_name
from lodo_bench.compute.threads import parallel_for
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.spec.compute import BackendChoice
from lodo_bench.spec.options import Value
from lodo_bench.tasks.base import Task

# The number of parameter entries, over all individuals and steps, that is worth a thread of its own: handing over work
# takes about 0.05 ms, and an entry 10 ns or more.
_ENTRIES_PER_THREAD = 2**13
NO_OPTIONS: Mapping[str, Value] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """The part of a step that a task or an optimizer contributes, for one individual, as a function compiled by Numba.

    A task's function is `evaluate(data, p, k, x, gradient)`: it returns the loss of individual p at `x` (n,) on batch
    k and fills `gradient` (n,). An optimizer's is `update(data, p, k, gradient, x)`: it takes step k of individual p
    and changes `x`. Both count k from 0.

    Attributes:
        function: either of the two.
        data: its first argument: numbers, arrays and tuples of these.
    """

    function: Callable[..., Any]
    data: tuple[Any, ...]

    @classmethod
    def of(cls, function: Callable[..., Any], *values: Any) -> CompiledStep:
        """Return a step on these values, with tensors replaced by arrays that share their memory."""
        return cls(function, tuple(v.numpy() if isinstance(v, Tensor) else v for v in values))


# Prepares a number of steps of an optimizer; its state counts them as taken, so they must be run at once.
Steps = Callable[[int], CompiledStep]
# Advances a task by at most that many batches, and returns the code that evaluates them and their number, at least 1.
Batches = Callable[[int], tuple[CompiledStep, int]]


class CompiledLoop:
    """Training steps of a task and an optimizer in compiled code.

    Args:
        batches: the task's part.
        steps: the optimizer's part.
        x: (P, n), the parameters.
    """

    def __init__(self, batches: Batches, steps: Steps, x: Tensor) -> None:
        self._batches, self._steps, self._x = batches, steps, x

    def run(self, count: int) -> Tensor:
        """Take `count` steps and return their losses, (count, P)."""
        losses, done = self._x.new_empty(count, len(self._x)), 0
        while done < count:
            batches, number = self._batches(count - done)
            run_compiled(batches, self._steps(number), self._x, losses[done : done + number])
            done += number
        return losses


def has_compiled_loop(
    task: type[Task], optimizer: type[Optimizer], backend: BackendChoice, options: Mapping[str, Value] = NO_OPTIONS
) -> bool:
    """Return true if this backend has compiled code for the steps of both classes; nothing is imported.

    Args:
        task: the task's class.
        optimizer: the optimizer's class.
        backend: the backend of both.
        options: structural options of the optimizer, by full name; missing ones have their defaults.
    """
    name = qualified_name(optimizer)
    required = numba_tables.REQUIRED_OPTIONS.get(name)
    return (
        backend == "numba"
        and qualified_name(task) in numba_tables.COMPILED_BATCHES
        and name in numba_tables.COMPILED_STEPS
        and (required is None or options.get(required) != 0)
    )


def compiled_loop(task: Task, optimizer: Optimizer) -> CompiledLoop | None:
    """Return the compiled loop for this pair, or None if there is none or the current backend is not Numba.

    Compiled code is looked up by the exact class: a subclass may compute something else.
    """
    x = optimizer.x
    task_code = numba_tables.COMPILED_BATCHES.get(qualified_name(type(task)))
    optimizer_code = numba_tables.COMPILED_STEPS.get(qualified_name(type(optimizer)))
    if task_code is None or optimizer_code is None or current_backend(x.device, x.dtype) != "numba":
        return None
    steps: Steps | None = load_attribute(optimizer_code)(optimizer)
    return None if steps is None else CompiledLoop(load_attribute(task_code)(task), steps, x)


def run_compiled(task: CompiledStep, optimizer: CompiledStep, x: Tensor, losses: Tensor) -> None:
    """Let each individual evaluate and update once for each loss to be filled.

    Args:
        task: evaluates; it must have as many batches.
        optimizer: updates.
        x: (P, n), changed in place.
        losses: (steps, P), filled.
    """
    from lodo_bench.backends.numba.loop import specialized_loop

    run = specialized_loop(task.function, optimizer.function)
    points, filled = x.numpy(), losses.numpy()

    def work(first: int, last: int) -> None:
        run(task.data, optimizer.data, points, filled, first, last)

    parallel_for(work, len(x), len(losses) * x.numel() // _ENTRIES_PER_THREAD)
