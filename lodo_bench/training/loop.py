"""The training loop. There is one: tuning, final runs, tests and benchmarks all go through `train`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench import seeding
from lodo_bench.backends.compiled_loop import run_compiled
from lodo_bench.compute.selection import check_backend, use_backend
from lodo_bench.errors import StateError, UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import MetaTrained, Optimizer
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.milestone import Milestone, milestones
from lodo_bench.spec.outcome import Outcome
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.state import Checkpointable
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task
from lodo_bench.training.checkpoint import Checkpoint
from lodo_bench.training.interrupts import defer_interrupts
from lodo_bench.training.metrics import Metric, metrics_of
from lodo_bench.training.recorder import Recorder
from lodo_bench.training.stopwatch import Stopwatch

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
    num_active: int


def train(
    spec: TrainingSpec,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[Outcome]:
    """Train the population of `spec` until its steps and its seconds are both reached, or nobody is left to train.

    A step evaluates loss and gradient on a fresh batch, records the loss, and hands the gradient to the optimizer. An
    individual's first loss that is not finite ends its record; the others go on. Only what happens inside the steps is
    on the training clock; it is preceded by a few uncounted steps on a throw-away copy, as the first calls of anything
    are slow. Of final runs the metrics are measured between the steps.

    Args:
        spec: what to train.
        on_progress: called off the clock, many times a second at most. A KeyboardInterrupt, wherever it arrives, ends
            the training: those still alive are `interrupted`, with everything recorded up to then.
        checkpoint: where everything is kept from time to time, and at an interrupt. What it has already is gone on
            with: the losses, and on the CPU every bit of them, are those of a training that was never stopped.

    Returns:
        One outcome for each individual, in order.

    Raises:
        UsageError: for what the task or the device cannot do.
    """
    _check(spec)
    session = TrainingSession(spec, checkpoint)
    try:
        session.start()
        session.run(on_progress)
    except KeyboardInterrupt:
        session.keep()
        return session.recorder.outcomes(interrupted=True)
    session.finish()
    return session.recorder.outcomes(interrupted=False)


def trace(spec: TrainingSpec) -> NDArray[np.float64]:
    """Train the population of `spec` for its steps, and keep every point instead of the losses.

    Returns:
        The points, (steps + 1, P, n): the starting point, and where each step led. They are those of `train` with the
        same specification, bit for bit.

    Raises:
        UsageError: as `train`.
    """
    _check(spec)
    trainer = Trainer(spec)
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


def free_memory(device: Device) -> None:
    """Give back what a training that has failed has left of a GPU's memory, so that the next one has it."""
    if device == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


def check_pair(task: TaskSpec, optimizer: OptimizerSpec) -> None:
    """Make sure that the optimizer can work on the task.

    Raises:
        UsageError: if the task does not offer what it needs, or has too many parameters for it.
    """
    problem, method = TASKS.load(task.name), OPTIMIZERS.load(optimizer.name)
    for missing in sorted(method.needs - problem.offers):
        raise UsageError(f"{optimizer.name} needs the {missing} of the loss, which {task.name} does not give.")
    size = problem.dimension_for(task.options)
    if method.max_dimension is not None and size > method.max_dimension:
        raise UsageError(
            f"{optimizer.name} keeps n × n numbers and goes up to n = {method.max_dimension:,}; "
            f"{task.label} has n = {size:,}."
        )


def check_task(task: TaskSpec, device: Device, dtype: DType) -> None:
    """Make sure that the task can be built: that its data is there, and that its options fit each other.

    Raises:
        UsageError: if it cannot.
    """
    TASKS.load(task.name).check(task.options, device, dtype)


def _check(spec: TrainingSpec) -> None:
    check_device(spec.compute.device)
    check_task(spec.task, spec.compute.device, spec.compute.dtype)
    check_backend(spec.compute.backend, spec.compute.device)
    check_pair(spec.task, spec.optimizer)
    limit = TASKS.load(spec.task.name).max_population
    if limit is not None and len(spec.individuals) > limit:
        raise UsageError(
            f"{spec.task.name} trains at most {limit} individuals in lockstep, not {len(spec.individuals)}."
        )


class TrainingSession:
    """A training from its start, or from its checkpoint, to its end."""

    def __init__(self, spec: TrainingSpec, checkpoint: Checkpoint | None) -> None:
        self._spec, self._checkpoint = spec, checkpoint
        self.recorder = Recorder(len(spec.individuals))
        self._watch = Stopwatch(spec.compute.device)
        self._trainer: Trainer | None = None  # None while it is amid its steps, too: then it is not to be kept
        self._metrics: Sequence[Metric] = ()

    def start(self) -> None:
        """Warm up, build everything, and take over what the checkpoint has."""
        Trainer(self._spec).run_steps(_WARM_UP_STEPS)
        self._build()
        state = self._checkpoint.read(self._spec) if self._checkpoint else None
        if self._checkpoint is None or state is None:
            return
        try:
            self._restore(state)
        except (StateError, KeyError) as error:
            self._checkpoint.reject(f"does not fit this version of lodo-bench ({error})")
            self._build()
        else:
            self._checkpoint.notice(f"continued after {self.recorder.steps:,} steps")

    def run(self, on_progress: Callable[[Progress], None] | None) -> None:
        """Train to the end."""
        chunk = 1
        while True:
            self._measure()
            if self._is_finished():
                return
            count = self._capped(chunk)
            before = self._watch.seconds
            self._advance(count)
            if on_progress is not None:
                on_progress(Progress(self.recorder.steps, self._watch.seconds, self.recorder.num_active))
            if self._checkpoint is not None and self._checkpoint.is_due:
                self.keep()
            spent = self._watch.seconds - before
            if spent > CHUNK_SECONDS:
                chunk = max(count // 2, 1)
            elif spent < CHUNK_SECONDS / 2 and count == chunk:
                chunk = min(2 * chunk, CHUNK_STEPS)

    def keep(self) -> None:
        """Write everything to the checkpoint, unless there is nothing yet, or a step was cut in two."""
        if self._checkpoint is None or self._trainer is None or self.recorder.steps == 0:
            return
        state = {
            "trainer": self._trainer.state_dict(),
            "recorder": self.recorder.state_dict(),
            "seconds": self._watch.seconds,
        }
        with defer_interrupts():
            self._checkpoint.write(self._spec, state)

    def finish(self) -> None:
        """Keep the parameters of a network that was trained."""
        alone = TASKS.load(self._spec.task.name).max_population == 1
        if self._checkpoint is not None and self._trainer is not None and alone and self.recorder.num_active:
            self._checkpoint.write_parameters(self._spec, self._trainer.x[0])

    def _build(self) -> None:
        self.recorder, self._watch = Recorder(len(self._spec.individuals)), Stopwatch(self._spec.compute.device)
        self._trainer = Trainer(self._spec)
        self._metrics = self._trainer.metrics() if self._spec.purpose == "final" else ()

    def _restore(self, state: dict[str, Any]) -> None:
        assert self._trainer is not None, "it has just been built"
        self._trainer.load_state_dict(state["trainer"], torch.device(self._spec.compute.device))
        with defer_interrupts():  # an interrupt would keep what has a record, half of it or not
            self._watch.seconds = state["seconds"]
            self.recorder.load_state_dict(state["recorder"])

    def _advance(self, count: int) -> None:
        assert self._trainer is not None, "it is only between the steps that we get here"
        with defer_interrupts():
            trainer, self._trainer = self._trainer, None
            with self._watch:
                losses, evaluations = trainer.run_steps(count)
            self.recorder.add(losses, evaluations, self._watch.seconds)
            self._trainer = trainer

    def _measure(self) -> None:
        """Measure what is due after the steps so far; all of it again if an interrupt cut it short."""
        steps = self.recorder.steps
        if self._trainer is None or self._spec.purpose != "final" or self.recorder.num_active == 0:
            return
        if self.recorder.measured < steps:
            for metric in self._metrics:
                if steps % metric.interval == 0:
                    self.recorder.add_measurement(metric.measure(), is_score=metric.is_score)
            self.recorder.measured = steps
        for milestone in milestones(self._spec.steps, self._spec.seconds):
            if self._has_reached(milestone) and not self.recorder.has_scored(milestone):
                self.recorder.add_scores(milestone, self._trainer.test_metrics())

    def _has_reached(self, milestone: Milestone) -> bool:
        reached = {"steps": self.recorder.steps, "seconds": self._watch.seconds}
        return reached[milestone.unit] >= milestone.value

    def _is_finished(self) -> bool:
        ends = milestones(self._spec.steps, self._spec.seconds)
        return self.recorder.num_active == 0 or all(self._has_reached(milestone) for milestone in ends)

    def _capped(self, chunk: int) -> int:
        """No more steps than up to the next measurement or the step milestone."""
        steps = self.recorder.steps
        limits = [metric.interval - steps % metric.interval for metric in self._metrics]
        if steps < self._spec.steps:
            limits.append(self._spec.steps - steps)
        return min([chunk, *limits])


class Trainer(Checkpointable):
    """A task and an optimizer at work on it; also the oracle that the optimizer may ask.

    Attributes:
        x: (P, n), the parameters.
    """

    state_names = ("_task", "x", "_optimizer", "_steps", "_evaluations")

    def __init__(self, spec: TrainingSpec) -> None:
        dtype = getattr(torch, spec.compute.dtype)
        with use_backend(spec.compute.backend):
            self._task: Task = TASKS.load(spec.task.name)(seeding.task_generators(spec), dtype, spec.task.options)
            self.x = self._task.initial_point()
            self._optimizer = self._build_optimizer(spec)
        self._planned = spec.steps
        self._steps = 0
        self._evaluations = 0

    def run_steps(self, count: int) -> tuple[Tensor, NDArray[np.int64]]:
        """Take `count` steps; returns their losses, (count, P), and after each all gradient evaluations so far."""
        if self._task.is_compiled and self._optimizer.is_compiled:
            return self._run_fused(count)
        losses, evaluations = [], []
        for _ in range(count):
            self._task.next_batch()
            loss, gradient = self._task.loss_and_gradient(self.x)
            self._evaluations += 1
            losses.append(loss)
            self._optimizer.step(gradient, self)
            evaluations.append(self._evaluations)
            self._steps += 1
        return torch.stack(losses), np.array(evaluations)

    def _run_fused(self, count: int) -> tuple[Tensor, NDArray[np.int64]]:
        losses, done = self.x.new_empty(count, len(self.x)), 0
        while done < count:
            batches, number = self._task.compiled_batches(count - done)
            run_compiled(batches, self._optimizer.compiled_steps(number), self.x, losses[done : done + number])
            done += number
        evaluations = self._evaluations + np.arange(1, count + 1)
        self._steps += count
        self._evaluations += count
        return losses, evaluations

    def point(self) -> NDArray[np.float64]:
        """Where the population is, (P, n)."""
        return self.x.to("cpu", torch.float64).numpy().copy()

    def metrics(self) -> Sequence[Metric]:
        """What is followed of this training."""
        return metrics_of(self._task, self._optimizer)

    def test_metrics(self) -> Mapping[str, Tensor]:
        """What is measured at a milestone; see `Task.examine`."""
        return self._task.test_metrics(self.x)

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
            p.name: self.x.new_tensor([i.hyperparameters[p.name] for i in spec.individuals])
            for p in kind.hyperparameters
        }
        optimizer = kind(self.x, values, seeding.optimizer_generators(spec), spec.optimizer.options)
        if spec.weights:
            assert isinstance(optimizer, MetaTrained), "only these learn"
            optimizer.load_weights(spec.weights)
        return optimizer
