"""Short runs, and their comparison to the last bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from lodo_bench.backends.compiled_loop import compiled_loop
from lodo_bench.conformance.bits import same_bits
from lodo_bench.conformance.cases import TaskCase, build_optimizer
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class ShortRun:
    """The outcome of a short training.

    Attributes:
        losses: before each step, (steps, P).
        x: the parameters after the last step, (P, n).
    """

    losses: Tensor
    x: Tensor

    def difference(self, own: int, other: ShortRun, its: int) -> int | None:
        """Return the number of steps after which individual `own` first differs from `other`'s individual `its`.

        It is None if all their bits are equal.
        """
        for step, (mine, theirs) in enumerate(zip(self.losses[:, own], other.losses[:, its], strict=True)):
            if not same_bits(mine, theirs):
                return step
        return None if same_bits(self.x[own], other.x[its]) else len(self.losses)


def short_run(
    kind: type[Optimizer], case: TaskCase, individuals: Sequence[Mapping[str, float]], seeds: Sequence[int], steps: int
) -> ShortRun:
    """Train individuals in lockstep for `steps` steps, with the current backend."""
    task = case.build(seeds)
    optimizer = build_optimizer(kind, task.initial_point(), individuals, seeds, problem=case.problem(task, steps))
    losses, _ = Trainer(task, optimizer, steps, compiled_loop(task, optimizer)).run_steps(steps)
    return ShortRun(losses, optimizer.x)
