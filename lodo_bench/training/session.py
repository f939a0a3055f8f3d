"""One training from its start, or from its checkpoint, to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from lodo_bench.compute.interrupts import defer_interrupts
from lodo_bench.errors import StateError
from lodo_bench.spec.milestone import Milestone, milestones
from lodo_bench.spec.outcome import Outcome
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.checkpoint import Checkpoint
from lodo_bench.training.metrics import Metric
from lodo_bench.training.recorder import Recorder
from lodo_bench.training.stopwatch import Stopwatch
from lodo_bench.training.trainer import Trainer
from lodo_bench.user_code import foreign

# The clock is read, and the losses are inspected, once per chunk of steps. A chunk takes about CHUNK_SECONDS, so that
# time milestones are hit closely and Ctrl-C is answered, yet a GPU need not be synchronized at every step.
CHUNK_SECONDS = 0.05
CHUNK_STEPS = 1000
_WARM_UP_STEPS = 5
_warmed_up: set[str] = set()  # tasks and optimizers that this process has tuned


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state of an evaluation between two steps: the batches that are done, and their number."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a training.

    Attributes:
        steps: steps taken.
        seconds: training seconds.
        num_active: individuals that have not diverged.
        evaluation: the evaluation in progress, if any.
    """

    steps: int
    seconds: float
    num_active: int
    evaluation: Evaluation | None = None


class TrainingSession:
    """A training with its clock, its recorder and its checkpoint.

    Construction warms up, as the first calls of anything are slow; see `warm_up`.

    Args:
        spec: a validated specification.
        checkpoint: written periodically; None for no checkpoints.

    Attributes:
        recorder: losses, timings and metrics so far.
    """

    def __init__(self, spec: TrainingSpec, checkpoint: Checkpoint | None = None) -> None:
        self._spec, self._checkpoint = spec, checkpoint
        self._ends = milestones(spec.steps, spec.seconds)
        self._in_step = False  # within its steps a trainer has no consistent state
        warm_up(spec)
        self._build()

    def resume(self) -> None:
        """Continue from the checkpoint, if there is one that fits."""
        if self._checkpoint is None or (state := self._checkpoint.read(self._spec)) is None:
            return
        try:
            self._load_state_dict(state)
        except (StateError, KeyError) as error:
            self._checkpoint.reject(f"does not fit this version of lodo-bench ({error})")
            self._build()
        else:
            self._checkpoint.notice(f"resumed after {self.recorder.steps:,} steps")

    def run(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        """Train until all milestones are reached, or every individual has diverged."""
        self._trainer.watch_evaluations(partial(self._evaluate, on_progress))
        try:
            self._run(on_progress)
        finally:
            self._trainer.watch_evaluations(None)  # or it would keep this session, and with it all memory, alive

    def _run(self, on_progress: Callable[[Progress], None] | None) -> None:
        chunk = 1
        while True:
            self._measure()
            if self._is_finished():
                return
            count = self._limit(chunk)
            before = self._watch.seconds
            self._advance(count)
            if on_progress is not None:
                on_progress(Progress(self.recorder.steps, self._watch.seconds, self.recorder.num_active))
            self._save_if_due()
            spent = self._watch.seconds - before
            if spent > CHUNK_SECONDS:
                chunk = max(count // 2, 1)
            elif spent < CHUNK_SECONDS / 2 and count == chunk:
                chunk = min(2 * chunk, CHUNK_STEPS)

    def outcomes(self, *, interrupted: bool) -> list[Outcome]:
        """Return one outcome for each individual."""
        failures = self._trainer.failures
        return [
            Outcome.failed(failures[index]) if index in failures else outcome
            for index, outcome in enumerate(self.recorder.outcomes(interrupted=interrupted))
        ]

    def save(self) -> None:
        """Write the checkpoint, unless no step has been taken, or one was interrupted halfway."""
        if self._checkpoint is None or self._in_step or self.recorder.steps == 0:
            return
        state = {
            "trainer": self._trainer.state_dict(),
            "recorder": self.recorder.state_dict(),
            "seconds": self._watch.seconds,
        }
        with defer_interrupts():
            self._checkpoint.write(self._spec, state)

    def _save_if_due(self) -> None:
        if self._checkpoint is not None and self._checkpoint.is_due:
            self.save()

    def save_parameters(self) -> None:
        """Write the final parameters of a network that has not diverged."""
        is_network = TASKS.load(self._spec.task.name).is_network
        if self._checkpoint is not None and is_network and self.recorder.num_active:
            self._checkpoint.write_parameters(self._spec, self._trainer.x[0])

    def _build(self) -> None:
        self.recorder = Recorder(len(self._spec.individuals), self._ends)
        self._watch = Stopwatch(self._spec.compute.device)
        self._trainer = Trainer.from_spec(self._spec)
        self._metrics: Sequence[Metric] = self._trainer.metrics() if self._spec.purpose == "final" else ()

    def _load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._trainer.load_state_dict(state["trainer"], torch.device(self._spec.compute.device))
        with defer_interrupts():  # the steps of the recorder decide whether there is something to save
            self._watch.seconds = state["seconds"]
            self.recorder.load_state_dict(state["recorder"])

    def _advance(self, count: int) -> None:
        with defer_interrupts():
            self._in_step = True
            with self._watch:
                losses, evaluations = self._trainer.run_steps(count)
            self.recorder.add(losses, evaluations, self._watch.seconds)
            self._in_step = False

    def _measure(self) -> None:
        """Measure what is due after the steps so far; all of it again if an interrupt cut it short."""
        steps = self.recorder.steps
        if self._spec.purpose != "final" or self.recorder.num_active == 0:
            return
        if self.recorder.measured < steps:
            for metric in self._metrics:
                if steps % metric.interval == 0:
                    with foreign():
                        measured = metric.measure()
                    self.recorder.add_measurement(measured, is_score=metric.is_score)
            self.recorder.measured = steps
        for milestone in self._ends:
            if self._has_reached(milestone) and not self.recorder.has_scored(milestone):
                self.recorder.add_scores(milestone, self._trainer.test_metrics())

    def _evaluate(self, on_progress: Callable[[Progress], None] | None, done: int, total: int) -> None:
        """Report an evaluation, which changes nothing, so that checkpoints can be written meanwhile."""
        if on_progress is not None:
            seen = Evaluation(done, total)
            on_progress(Progress(self.recorder.steps, self._watch.seconds, self.recorder.num_active, seen))
        self._save_if_due()

    def _has_reached(self, milestone: Milestone) -> bool:
        reached = {"steps": self.recorder.steps, "seconds": self._watch.seconds}
        return reached[milestone.unit] >= milestone.value

    def _is_finished(self) -> bool:
        return self.recorder.num_active == 0 or all(self._has_reached(milestone) for milestone in self._ends)

    def _limit(self, chunk: int) -> int:
        """Shorten a chunk to end at the next measurement or at the step milestone."""
        steps = self.recorder.steps
        limits = [metric.interval - steps % metric.interval for metric in self._metrics]
        if steps < self._spec.steps:
            limits.append(self._spec.steps - steps)
        return min([chunk, *limits])


def warm_up(spec: TrainingSpec) -> None:
    """Take a few steps on a throw-away copy.

    For tuning, which needs no exact timing, one step is taken, once in each process, and only to load or compile
    machine code. Processes that are forked afterwards share it.
    """
    if spec.purpose == "final":
        Trainer.from_spec(spec).run_steps(_WARM_UP_STEPS)
        return
    key = f"{spec.task} {spec.optimizer} {spec.compute}"
    if spec.compute.backend != "torch" and key not in _warmed_up:
        _warmed_up.add(key)
        Trainer.from_spec(replace(spec, individuals=spec.individuals[:1])).run_steps(1)
