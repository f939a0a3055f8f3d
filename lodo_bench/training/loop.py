"""The entry points of training: `train` records losses, `trace` records points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lodo_bench.spec.outcome import Outcome
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.training.checkpoint import Checkpoint
from lodo_bench.training.failure import Failure, capture_failure
from lodo_bench.training.footprint import check_memory
from lodo_bench.training.recorder import Recorder
from lodo_bench.training.session import Progress, TrainingSession
from lodo_bench.training.trainer import Trainer
from lodo_bench.training.validation import validate


def train(
    spec: TrainingSpec,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[Outcome]:
    """Train the population of `spec` until steps and seconds are both reached, or every individual has diverged.

    A step evaluates loss and gradient on a fresh batch, records the loss, and hands the gradient to the optimizer. An
    individual's first loss that is not finite ends its record; the others continue. Only what happens inside the steps
    is on the training clock; a few uncounted steps on a throw-away copy come before it, as the first calls of anything
    are slow. For final runs, the metrics are measured between the steps, off the clock.

    An exception during training, such as exhausted memory, makes every individual's outcome `failed`, with the reason;
    one in the step of a single individual of an adapted optimizer makes that individual's outcome `failed`.

    Args:
        spec: the training.
        on_progress: called off the clock, a few times a second. A KeyboardInterrupt, wherever it arrives, ends the
            training: the individuals still active are `interrupted`, with everything recorded up to then.
        checkpoint: the checkpoint to resume from; written periodically and on interrupt. The resumed training has the
            losses of one that was never stopped, on the CPU bit for bit.

    Returns:
        One outcome for each individual, in order.

    Raises:
        UsageError: if `spec` cannot be trained here, or does not fit in memory.
    """
    validate(spec.task, spec.optimizer, spec.compute, len(spec.individuals))
    check_memory(spec.task, spec.optimizer, spec.compute, len(spec.individuals))
    return train_validated(spec, on_progress, checkpoint)


def train_validated(
    spec: TrainingSpec,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[Outcome]:
    """Do as `train`, with a specification that was validated where it was made."""
    outcomes = capture_failure(partial(_run, spec, on_progress, checkpoint), spec.compute.device)
    if isinstance(outcomes, Failure):
        return [Outcome.failed(outcomes.reason) for _ in spec.individuals]
    return outcomes


def trace(spec: TrainingSpec) -> NDArray[np.float64]:
    """Train the population of `spec` for its steps, and record every point instead of the losses.

    Returns:
        The points, (steps + 1, P, n): the starting point, then the point after each step. They are those of `train`
        with the same specification, bit for bit.

    Raises:
        UsageError: as `train`.
    """
    validate(spec.task, spec.optimizer, spec.compute, len(spec.individuals))
    check_memory(spec.task, spec.optimizer, spec.compute, len(spec.individuals))
    trainer = Trainer.from_spec(spec)
    points = [trainer.point()]
    for _ in range(spec.steps):
        trainer.run_steps(1)
        points.append(trainer.point())
    return np.stack(points)


def _run(
    spec: TrainingSpec, on_progress: Callable[[Progress], None] | None, checkpoint: Checkpoint | None
) -> list[Outcome]:
    try:
        session = TrainingSession(spec, checkpoint)
    except KeyboardInterrupt:
        return Recorder(len(spec.individuals)).outcomes(interrupted=True)
    try:
        session.resume()
        session.run(on_progress)
    except KeyboardInterrupt:
        session.save()
        return session.outcomes(interrupted=True)
    session.save_parameters()
    return session.outcomes(interrupted=False)
