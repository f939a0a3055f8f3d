"""What a worker does: train the individuals of a shard and score them. Knows no Ray."""

from __future__ import annotations

import math
import platform

from lodo_bench.compute.threads import single_thread
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Outcome, Status
from lodo_bench.spec.study import IndividualRecord
from lodo_bench.spec.training import MetaTrainedWeights, MetaTrainingSpec
from lodo_bench.training.loop import free_memory, train
from lodo_bench.training.meta import run_epoch
from lodo_bench.training.score import milestone_loss
from lodo_bench.tuner.study import Shard


def evaluate(shard: Shard) -> tuple[IndividualRecord, ...]:
    """Train and score every individual of the shard.

    It runs on one thread whatever the machine has, so that the arithmetic, and with it the result, is always the same.
    An exception, such as an exhausted memory, is an outcome of the individuals: they are `failed`, with its reason.

    Raises:
        KeyboardInterrupt: if the user stopped it; what was computed is not the shard's result.
    """
    failure = ""
    try:
        with single_thread():
            if isinstance(shard.training, MetaTrainingSpec):
                return (_meta_train(shard, shard.training),)
            outcomes = train(shard.training)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    if failure:  # the error is forgotten now, and with it what it held on to
        free_memory(shard.training.compute.device)
        return failed(shard, failure)
    if any(outcome.status is Status.INTERRUPTED for outcome in outcomes):
        raise KeyboardInterrupt
    return tuple(_score(shard, offset, outcome) for offset, outcome in enumerate(outcomes))


def failed(shard: Shard, reason: str) -> tuple[IndividualRecord, ...]:
    """The shard's individuals as failures."""
    return tuple(
        _record(shard, offset, math.nan, Status.FAILED, reason, 0, 0.0)
        for offset in range(len(shard.training.individuals))
    )


def _meta_train(shard: Shard, training: MetaTrainingSpec) -> IndividualRecord:
    epoch = run_epoch(training)
    finite = math.isfinite(epoch.loss)
    status, reason = (Status.COMPLETED, "") if finite else (Status.DIVERGED, "the validation loss is not finite")
    return _record(shard, 0, epoch.loss, status, reason, training.steps, epoch.seconds, epoch.weights)


def _score(shard: Shard, offset: int, outcome: Outcome) -> IndividualRecord:
    fitness = milestone_loss(outcome.curve, Milestone("steps", shard.training.steps))
    status, reason = outcome.status, outcome.reason
    if status is Status.COMPLETED and not (fitness is not None and math.isfinite(fitness)):
        status, reason = Status.DIVERGED, "the mean loss overflows"
    if status is Status.DIVERGED or fitness is None:
        fitness = math.nan
    seconds = outcome.curve.seconds / len(shard.training.individuals)
    return _record(shard, offset, fitness, status, reason, outcome.steps, seconds)


def _record(
    shard: Shard,
    offset: int,
    fitness: float,
    status: Status,
    reason: str,
    steps: int,
    seconds: float,
    learned: MetaTrainedWeights | None = None,
) -> IndividualRecord:
    return IndividualRecord(
        generation=shard.generation,
        index=shard.first + offset,
        hyperparameters=shard.training.individuals[offset].hyperparameters,
        fitness=fitness,
        status=status,
        reason=reason,
        steps=steps,
        seconds=seconds,
        host=platform.node(),
        weights=learned,
    )
