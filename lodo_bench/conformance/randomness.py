"""Checks of what a class says of its randomness: without any, it must be the same for all seeds."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lodo_bench.conformance.bits import same_bits
from lodo_bench.conformance.cases import TaskCase, build_optimizer, cases_for, default_values, seeds_for
from lodo_bench.errors import ConformanceError
from lodo_bench.optimizers.base import MetaTrained, Optimizer
from lodo_bench.training.trainer import Trainer

_STEPS = 20
_OTHER = 100  # what is added to all seeds


def check_optimizer_randomness(kind: type[Optimizer]) -> None:
    """Check that an optimizer that says so does not depend on its seeds.

    A meta-trained one does, as long as it is untrained: it is not checked.
    """
    if kind.is_random or issubclass(kind, MetaTrained):
        return
    for case in cases_for(kind):
        if not same_bits(*(_trained(kind, case, shift) for shift in (0, _OTHER))):
            raise ConformanceError(
                f"An optimizer with is_random = False must be the same for all seeds, to the last bit; on {case.label} "
                f"it is not. Omit is_random, or draw no random numbers."
            )


def check_task_randomness(case: TaskCase) -> None:
    """Check that a task that says so does not depend on its seeds."""
    if case.kind.is_random(case.options):
        return
    for one, other in zip(_problem(case, 0), _problem(case, _OTHER), strict=True):
        if not same_bits(one, other):
            raise ConformanceError(
                "A task whose is_random returns False must have the same initial point and batches for all seeds, to "
                "the last bit; it has not. Return True, or draw no random numbers."
            )


def _trained(kind: type[Optimizer], case: TaskCase, shift: int) -> Tensor:
    """Return the parameters, (P, n), after some steps on the same problem with other seeds of the optimizer."""
    seeds = seeds_for(kind)
    task, individuals = case.build(seeds), [default_values(kind)] * len(seeds)
    shifted = [seed + shift for seed in seeds]
    problem = case.problem(task, _STEPS)
    optimizer = build_optimizer(kind, task.initial_point(), individuals, shifted, problem=problem)
    Trainer(task, optimizer, _STEPS).run_steps(_STEPS)
    return optimizer.x


def _problem(case: TaskCase, shift: int) -> Iterator[Tensor]:
    """Yield the initial point and the gradients there on some batches, (P, n)."""
    task = case.build([seed + shift for seed in case.seeds])
    x = task.initial_point()
    yield x
    for _ in range(_STEPS):
        task.next_batch()
        yield task.loss_and_gradient(x)[1]
