"""The evaluation of a shard: train its individuals and score them. Knows no Ray."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from lodo_bench.compute.selection import check_backend
from lodo_bench.compute.threads import single_thread
from lodo_bench.optimizers import load_optimizer
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Outcome, Status
from lodo_bench.spec.study import IndividualRecord, TrialResult
from lodo_bench.spec.training import SearchKind, TrainingSpec
from lodo_bench.training import session
from lodo_bench.training.loop import train_validated
from lodo_bench.training.meta import run_epoch
from lodo_bench.tuner.shard import Shard


def evaluate(shard: Shard) -> tuple[IndividualRecord, ...]:
    """Train and score every individual of the shard.

    It runs on one thread whatever the machine has, so that the arithmetic, and with it the result, is always the same.
    An exception, such as exhausted memory, is an outcome of the individual: it is `failed`, with its reason. One that
    comes of several together, which one may have caused, or their number, leads to a training of each alone, so that
    how a generation is divided into shards changes no outcome.

    Raises:
        KeyboardInterrupt: if the user stopped it; the shard has no result then.
        UsageError: if this machine cannot train it, say, because it lacks the data: no fault of the individuals.
    """
    # The search began with this backend, whose results are others after the last digits: no other one stands in for it.
    check_backend(shard.training.compute.backend, shard.training.compute.device)
    with single_thread():
        results = _EVALUATORS[load_optimizer(shard.training.optimizer).search](shard)
    return _records(shard, results)


def warm_up(training: TrainingSpec) -> None:
    """Load or compile the machine code that a training needs, if it can be trained; `evaluate` reports what fails."""
    if training.compute.device == "cpu" and load_optimizer(training.optimizer).search == "genetic":
        with single_thread(), suppress(Exception):
            session.warm_up(training)


def failed(shard: Shard, reason: str) -> tuple[IndividualRecord, ...]:
    """Return the shard's individuals as failures."""
    return _records(shard, [TrialResult(math.nan, Status.FAILED, reason)] * len(shard.training.individuals))


def _train(shard: Shard) -> list[TrialResult]:
    outcomes = _outcomes(shard.training)
    if any(outcome.status is Status.INTERRUPTED for outcome in outcomes):
        raise KeyboardInterrupt
    return [_score(shard, outcome) for outcome in outcomes]


def _outcomes(training: TrainingSpec) -> list[Outcome]:
    outcomes = train_validated(training)
    if len(outcomes) == 1 or any(outcome.status is not Status.FAILED for outcome in outcomes):
        return outcomes  # one alone may fail
    each_alone = [replace(training, individuals=(individual,)) for individual in training.individuals]
    return [outcome for alone in each_alone for outcome in train_validated(alone)]


def _score(shard: Shard, outcome: Outcome) -> TrialResult:
    fitness = outcome.milestones.get(Milestone("steps", shard.training.steps))
    status, reason = outcome.status, outcome.reason
    if status is Status.COMPLETED and not (fitness is not None and math.isfinite(fitness)):
        status, reason = Status.DIVERGED, "the mean loss overflows"
    if status is Status.DIVERGED or fitness is None:
        fitness = math.nan
    return TrialResult(fitness, status, reason, outcome.steps, outcome.curve.seconds / len(shard.training.individuals))


def _meta_train(shard: Shard) -> list[TrialResult]:
    return [run_epoch(shard.training, shard.state)]


_EVALUATORS: Mapping[SearchKind, Callable[[Shard], list[TrialResult]]] = {
    "genetic": _train,
    "meta-training": _meta_train,
}


def _records(shard: Shard, results: list[TrialResult]) -> tuple[IndividualRecord, ...]:
    return tuple(
        IndividualRecord(
            generation=shard.generation,
            index=index,
            hyperparameters=individual.hyperparameters,
            fitness=result.fitness,
            status=result.status,
            reason=result.reason,
            steps=result.steps,
            seconds=result.seconds,
            host=platform.node(),
            state=result.state,
        )
        for index, individual, result in zip(shard.indices, shard.training.individuals, results, strict=True)
    )
