"""The training loop. There is one: tuning, final runs, tests and benchmarks all go through `train`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench import seeding
from lodo_bench.errors import UsageError
from lodo_bench.kernels import check_kernel, using
from lodo_bench.metrics import HESSIAN_ERROR, INTERVAL, HessianError, metric_of
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import MetaTrained, Optimizer
from lodo_bench.spec import Curve, Device, OptimizerSpec, Outcome, Series, Status, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task
from lodo_bench.timing import Stopwatch

# The clock is read, and the losses are looked at, every so many steps: about CHUNK_SECONDS worth of them, so that a
# time milestone is hit closely, Ctrl-C is answered and a GPU need not be waited for at every step.
CHUNK_SECONDS = 0.05
CHUNK_STEPS = 1000
_WARM_UP_STEPS = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is: steps taken, training seconds, and how many individuals have not diverged."""

    steps: int
    seconds: float
    alive: int


def train(spec: TrainingSpec, on_progress: Callable[[Progress], None] | None = None) -> list[Outcome]:
    """Train the population of `spec` until its steps and its seconds are both reached, or nobody is left to train.

    A step evaluates loss and gradient on a fresh batch, records the loss, and hands the gradient to the optimizer. An
    individual's first loss that is not finite ends its record; the others go on. Only what happens inside the steps is
    on the training clock; it is preceded by a few uncounted steps on a throw-away copy, as the first calls of anything
    are slow.

    Args:
        spec: what to train.
        on_progress: called off the clock, many times a second at most. A KeyboardInterrupt, wherever it arrives, ends
            the training: those still alive are `interrupted`, with everything recorded up to then.

    Returns:
        One outcome for each individual, in order.

    Raises:
        UsageError: for what the task or the device cannot do.
    """
    _check(spec)
    recorder = _Recorder(len(spec.individuals))
    try:
        _Trainer(spec).run_steps(_WARM_UP_STEPS)
        trainer = _Trainer(spec)
        _loop(spec, trainer, recorder, on_progress)
    except KeyboardInterrupt:
        return recorder.outcomes(interrupted=True)
    return recorder.outcomes(interrupted=False)


def trace(spec: TrainingSpec) -> NDArray[np.float64]:
    """Train the population of `spec` for its steps, and keep every point instead of the losses.

    Returns:
        The points, (steps + 1, P, n): the starting point, and where each step led. They are those of `train` with the
        same specification, bit for bit.

    Raises:
        UsageError: as `train`.
    """
    _check(spec)
    trainer = _Trainer(spec)
    points = [trainer.point()]
    for _ in range(spec.steps):
        trainer.run_steps(1)
        points.append(trainer.point())
    return np.stack(points)


def check_device(device: Device) -> None:
    """Make sure that `device` is there.

    Raises:
        UsageError: if PyTorch cannot use it here.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device 'cuda' is not available: PyTorch sees no GPU here. Use 'cpu'.")


def check_pair(task: TaskSpec, optimizer: OptimizerSpec) -> None:
    """Make sure that the optimizer can work on the task.

    Raises:
        UsageError: if the task does not offer what it needs, or has too many parameters for it.
    """
    problem, method = TASKS.load(task.name), OPTIMIZERS.load(optimizer.name)
    for missing in sorted(method.needs - problem.offers):
        raise UsageError(f"{optimizer.name} needs the {missing} of the loss, which {task.name} does not give.")
    size = problem.size(task.options)
    if method.max_dimension is not None and size > method.max_dimension:
        raise UsageError(
            f"{optimizer.name} keeps n × n numbers and goes up to n = {method.max_dimension:,}; "
            f"{task.label} has n = {size:,}."
        )


def _check(spec: TrainingSpec) -> None:
    check_device(spec.device)
    check_kernel(spec.kernel, spec.device)
    check_pair(spec.task, spec.optimizer)
    limit = TASKS.load(spec.task.name).max_population
    if limit is not None and len(spec.individuals) > limit:
        raise UsageError(
            f"{spec.task.name} trains at most {limit} individuals in lockstep, not {len(spec.individuals)}."
        )


def _loop(
    spec: TrainingSpec, trainer: _Trainer, recorder: _Recorder, on_progress: Callable[[Progress], None] | None
) -> None:
    watch = Stopwatch(spec.device)
    metric = trainer.metric() if spec.purpose == "final" else None
    chunk = 1
    while True:
        before = watch.seconds
        with watch:
            losses, evaluations = trainer.run_steps(chunk)
        recorder.add(losses, evaluations, watch.seconds)
        if metric is not None and recorder.steps % INTERVAL == 0:
            recorder.add_measurement(metric.measure())
        if on_progress is not None:
            on_progress(Progress(recorder.steps, watch.seconds, recorder.alive))
        steps_left = spec.steps - recorder.steps
        if recorder.alive == 0 or (steps_left <= 0 and watch.seconds >= (spec.seconds or 0)):
            return
        if watch.seconds - before < CHUNK_SECONDS / 2:
            chunk = min(2 * chunk, CHUNK_STEPS)
        elif watch.seconds - before > CHUNK_SECONDS:
            chunk = max(chunk // 2, 1)
        if steps_left > 0:
            chunk = min(chunk, steps_left)
        if metric is not None:
            chunk = min(chunk, INTERVAL - recorder.steps % INTERVAL)


class _Trainer:
    """A task and an optimizer at work on it; also the oracle that the optimizer may ask."""

    def __init__(self, spec: TrainingSpec) -> None:
        dtype = getattr(torch, spec.dtype)
        with using(spec.kernel):
            self._task: Task = TASKS.load(spec.task.name)(seeding.task_generators(spec), dtype, spec.task.options)
            self._x = self._task.initial_point()
            self._optimizer = self._build_optimizer(spec)
        self._planned = spec.steps
        self._steps = 0
        self._evaluations = 0

    def run_steps(self, count: int) -> tuple[Tensor, list[int]]:
        """Take `count` steps; returns their losses, (count, P), and after each all gradient evaluations so far."""
        losses = self._x.new_empty(count, len(self._x))
        evaluations = []
        for row in losses:
            self._task.next_batch()
            loss, gradient = self._task.loss_and_gradient(self._x)
            self._evaluations += 1
            row.copy_(loss)
            self._optimizer.step(gradient, self)
            evaluations.append(self._evaluations)
            self._steps += 1
        return losses, evaluations

    def point(self) -> NDArray[np.float64]:
        """Where the population is, (P, n)."""
        return self._x.to("cpu", torch.float64).numpy().copy()

    def metric(self) -> HessianError | None:
        """What is measured of this training on the way, if anything."""
        return metric_of(self._task, self._optimizer)

    def gradient(self, x: Tensor) -> Tensor:
        """See `lodo_bench.optimizers.base.Oracle`."""
        self._evaluations += 1
        return self._task.loss_and_gradient(x)[1]

    def hessian(self, x: Tensor) -> Tensor:
        """See `lodo_bench.optimizers.base.Oracle`."""
        return self._task.hessian(x)

    @property
    def layers(self) -> Sequence[slice]:
        """See `lodo_bench.optimizers.base.Oracle`."""
        return self._task.layers

    @property
    def progress(self) -> float:
        """See `lodo_bench.optimizers.base.Oracle`."""
        return min(self._steps / self._planned, 1.0)

    def _build_optimizer(self, spec: TrainingSpec) -> Optimizer:
        kind = OPTIMIZERS.load(spec.optimizer.name)
        values = {
            p.name: self._x.new_tensor([i.hyperparameters[p.name] for i in spec.individuals])
            for p in kind.hyperparameters
        }
        optimizer = kind(self._x, values, seeding.optimizer_generators(spec), spec.optimizer.options)
        if spec.learned:
            assert isinstance(optimizer, MetaTrained), "only these learn"
            optimizer.recall(spec.learned)
        return optimizer


class _Recorder:
    """Collects losses and clock readings, and notices who diverged."""

    def __init__(self, population: int) -> None:
        self.steps = 0
        self._evaluations: list[int] = []
        self._losses: list[NDArray[np.float64]] = []
        self._clock: list[tuple[int, float]] = [(0, 0.0)]
        self._diverged_at = np.full(population, -1)
        self._measured: list[tuple[int, NDArray[np.float64]]] = []

    @property
    def alive(self) -> int:
        """How many individuals have had finite losses only."""
        return int((self._diverged_at < 0).sum())

    def add(self, losses: Tensor, evaluations: Sequence[int], seconds: float) -> None:
        """Take in a chunk of losses, (steps, P), and the evaluations up to each step; it ended at `seconds`."""
        block = losses.to("cpu", torch.float64).numpy()
        broken = ~np.isfinite(block)
        newly = (self._diverged_at < 0) & broken.any(axis=0)
        self._diverged_at[newly] = self.steps + broken.argmax(axis=0)[newly]
        self._losses.append(block)
        self.steps += len(block)
        self._evaluations.extend(evaluations)
        self._clock.append((self.steps, seconds))

    def add_measurement(self, values: Tensor) -> None:
        """Take in what a metric, (P,), is after the steps so far."""
        self._measured.append((self.steps, values.to("cpu", torch.float64).numpy()))

    def outcomes(self, *, interrupted: bool) -> list[Outcome]:
        """One outcome for each individual."""
        population = len(self._diverged_at)
        losses = np.concatenate(self._losses) if self._losses else np.empty((0, population))
        return [self._outcome(p, losses[:, p], interrupted) for p in range(population)]

    def _outcome(self, individual: int, losses: NDArray[np.float64], interrupted: bool) -> Outcome:
        diverged_at = int(self._diverged_at[individual])
        status, reason = (Status.INTERRUPTED, "stopped by the user") if interrupted else (Status.COMPLETED, "")
        if diverged_at >= 0:
            losses = losses[: diverged_at + 1]
            status, reason = Status.DIVERGED, f"loss {losses[-1]} at step {diverged_at}"
        clock_steps = np.array([steps for steps, _ in self._clock])
        clock_seconds = np.array([seconds for _, seconds in self._clock])
        curve = Curve(losses.copy(), clock_steps, clock_seconds, self._metrics(individual, len(losses)))
        evaluations = self._evaluations[len(losses) - 1] if len(losses) else 0
        return Outcome(status, reason, len(losses), evaluations, curve)

    def _metrics(self, individual: int, steps: int) -> dict[str, Series]:
        measured = [(step, values[individual]) for step, values in self._measured if step <= steps]
        if not measured:
            return {}
        return {HESSIAN_ERROR: Series(np.array([step for step, _ in measured]), np.array([v for _, v in measured]))}
