"""Checks of an optimizer's results: what they may depend on, and that they are finite."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lodo_bench.compute.threads import single_thread
from lodo_bench.conformance.bits import same_bits, saved_state
from lodo_bench.conformance.cases import (
    TaskCase,
    TaskOracle,
    build_on,
    cases_for,
    default_values,
    seeds_for,
    varied_values,
)
from lodo_bench.conformance.short_runs import short_run
from lodo_bench.errors import ConformanceError
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.tasks.base import Task
from lodo_bench.user_code import describe

_STEPS, _START = 20, 3


def check_determinism(kind: type[Optimizer]) -> None:
    """Check that two trainings with the same seeds are equal to the last bit."""
    seeds = seeds_for(kind)
    individuals = [varied_values(kind, index) for index in range(len(seeds))]
    for case in cases_for(kind):
        first, second = (short_run(kind, case, individuals, seeds, _STEPS) for _ in range(2))
        for index in range(len(seeds)):
            step = first.difference(index, second, index)
            if step is not None:
                raise ConformanceError(
                    f"Two trainings with the same seeds must be equal to the last bit; on {case.label} they differ "
                    f"after step {step}. Draw random numbers from the generators given to init_state only, and keep "
                    "nothing in the class or the module that changes."
                )


def check_lockstep_independence(
    kind: type[Optimizer],
    population: int | None = None,
    sizes: Sequence[int] = (1, 2),
    cases: Sequence[TaskCase] | None = None,
) -> None:
    """Check that every individual's training is the same, to the last bit, whatever is trained in lockstep with it.

    Args:
        kind: the optimizer.
        population: the number of individuals, at least 1; three, or as many as the optimizer can train, if None.
        sizes: the sizes of the smaller populations that the individuals are divided into, each at least 1.
        cases: the tasks; small ones if None.
    """
    population = population or len(seeds_for(kind))
    individuals, seeds = [varied_values(kind, index) for index in range(population)], range(1, population + 1)
    for case in cases or cases_for(kind):
        with single_thread():
            together = short_run(kind, case, individuals, seeds, _STEPS)
            for size in sizes:
                for start in range(0, population, size):
                    shard = slice(start, start + size)
                    apart = short_run(kind, case, individuals[shard], seeds[shard], _STEPS)
                    differences = [
                        together.difference(start + index, apart, index) for index in range(len(seeds[shard]))
                    ]
                    _expect_no_difference(differences, start, size, population, case)


def _expect_no_difference(differences: Sequence[int | None], start: int, size: int, total: int, case: TaskCase) -> None:
    for index, step in enumerate(differences):
        if step is not None:
            raise ConformanceError(
                f"An individual must give the same results, to the last bit, among {total} individuals and among "
                f"{size}; on {case.label} those of individual {start + index} differ after step {step}. Keep the "
                "first dimension of all tensors for the individuals: reduce over the others only, and take "
                "hyperparameters from self.hyperparameter(name), of shape (P, 1)."
            )


def check_state_round_trip(kind: type[Optimizer], steps: int = 7, more: int = _STEPS) -> None:
    """Check that a training continues, to the last bit, in another object that has loaded its state from a file.

    Args:
        kind: the optimizer.
        steps: the number of steps before the state is saved, at least 0.
        more: the number of steps that are compared, at least 1.
    """
    for case in cases_for(kind):
        task = case.build(seeds_for(kind))
        oracle, gradients = TaskOracle(task), _gradients(steps + more, task)
        first, fresh, used = (build_on(kind, case, task, steps + more) for _ in range(3))
        _advance(first, gradients[:steps], oracle)
        _advance(used, gradients[-3:], oracle)
        state, x = saved_state(first), first.x.clone()
        _advance(first, gradients[steps:], oracle)
        for other in (fresh, used):
            other.x.copy_(x)
            other.load_state_dict(state, x.device)
            _advance(other, gradients[steps:], oracle)
            if not same_bits(first.x, other.x):
                raise ConformanceError(
                    "A training must continue, to the last bit, in another object that has loaded its state; on "
                    f"{case.label} it differs within {more} steps. Name every attribute that changes from step to "
                    "step in state_names."
                )


def check_nan_handling(kind: type[Optimizer]) -> None:
    """Check that a NaN or infinite gradient of one individual raises nothing and leaves the others unchanged."""
    *others, spoiled_one = range(len(seeds_for(kind)))
    for case in cases_for(kind):
        gradients = _gradients(_STEPS, case.build(seeds_for(kind)))
        expected = _moved(kind, case, gradients)
        for value in (math.nan, math.inf):
            spoiled = gradients.clone()
            spoiled[3:, spoiled_one] = value
            try:
                found = _moved(kind, case, spoiled)
            except Exception as error:  # whatever the user's code raises
                raise ConformanceError(
                    f"A gradient of {value} must raise nothing, as the other individuals continue; on {case.label} it "
                    f"raised {describe(error)}. Let such values pass through the arithmetic."
                ) from error
            if not same_bits(found[others], expected[others]):
                raise ConformanceError(
                    f"A gradient of {value} of one individual must leave the others as they are, to the last bit; on "
                    f"{case.label} it changed them. Do not reduce, decide or clip over the first dimension, which is "
                    "that of the individuals."
                )


def check_finite_start(kind: type[Optimizer]) -> None:
    """Check that losses and parameters stay finite over the first three steps at the default hyperparameters.

    Divergence later is an outcome that depends on task and hyperparameters, and not a defect.
    """
    seeds = seeds_for(kind)
    for case in cases_for(kind):
        run = short_run(kind, case, [default_values(kind)] * len(seeds), seeds, _START)
        finite = [*run.losses.isfinite().all(1).tolist(), bool(run.x.isfinite().all())]
        if not all(finite):
            raise ConformanceError(
                f"The first {_START} steps at the default hyperparameters must be finite; on {case.label} they are not "
                f"after step {finite.index(False)}. Choose other defaults, such as a smaller learning rate, and keep "
                "denominators away from zero."
            )


def _gradients(steps: int, task: Task) -> Tensor:
    """Return random gradients, (steps, P, n)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(steps, task.population, task.dimension, dtype=task.dtype, generator=generator)


def _moved(kind: type[Optimizer], case: TaskCase, gradients: Tensor) -> Tensor:
    """Return the parameters, (P, n), after a step with each of the gradients."""
    task = case.build(seeds_for(kind))
    optimizer = build_on(kind, case, task, len(gradients))
    _advance(optimizer, gradients, TaskOracle(task))
    return optimizer.x


def _advance(optimizer: Optimizer, gradients: Tensor, oracle: TaskOracle) -> None:
    for gradient in gradients:
        oracle.loss = gradient.square().sum(1)  # finite where the gradient is
        optimizer.step(gradient.clone(), oracle)
