"""Many steps in one go, by compiled code of a task and of an optimizer, where both bring it.

A step of a small problem takes less time than to call anything from Python, and a population in lockstep goes through
the caches as a whole at every step. As individuals do not know of each other, each can as well take many steps before
the next one does. The results are the same to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lodo_bench.compute.threads import parallel_for

# So many entries of the parameters, over all individuals and steps, are worth a thread of their own: handing over work
# takes some 0.05 ms, and an entry 10 ns or more.
_ENTRIES_PER_THREAD = 2**13


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """What one individual does, as a function compiled by Numba, and what the function works on.

    A task's is `evaluate(data, p, k, x, gradient)`: it returns the loss of individual p at `x` (n,) on the k-th batch,
    and fills `gradient` (n,). An optimizer's is `update(data, p, k, gradient, x)`: it takes the k-th step of individual
    p and changes `x`. Both count k from 0.

    Attributes:
        function: either of the two.
        data: its first argument, numbers, arrays and tuples of these.
    """

    function: Callable[..., Any]
    data: tuple[Any, ...]

    @classmethod
    def of(cls, function: Callable[..., Any], *values: Any) -> CompiledStep:
        """With these values as data, of which tensors become arrays of the same memory."""
        return cls(function, tuple(v.numpy() if isinstance(v, Tensor) else v for v in values))


def of_one_class(kind: type, *methods: str) -> bool:
    """Whether these methods all come from the same class.

    One that has inherited compiled code, but does something else in Python, must not be taken for what it inherited.
    """
    return len({next(each for each in kind.__mro__ if name in vars(each)) for name in methods}) == 1


def run_compiled(task: CompiledStep, optimizer: CompiledStep, x: Tensor, losses: Tensor) -> None:
    """Let each individual evaluate and update, as often as there are losses to fill.

    Args:
        task: evaluates; it must have as many batches.
        optimizer: updates.
        x: (P, n), changed in place.
        losses: (steps, P), filled.
    """
    from lodo_bench.backends.numba.loop import fused

    run = fused(task.function, optimizer.function)
    points, filled = x.numpy(), losses.numpy()

    def work(first: int, last: int) -> None:
        run(task.data, optimizer.data, points, filled, first, last)

    parallel_for(work, len(x), len(losses) * x.numel() // _ENTRIES_PER_THREAD)
