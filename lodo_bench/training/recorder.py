"""The record of a training: losses, timings and metrics, and the outcomes made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench.errors import StateError
from lodo_bench.spec.curve_blocks import block_ends, num_blocks
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve, MetricHistory, Outcome, Status
from lodo_bench.state import StateDict
from lodo_bench.training.losses import Losses
from lodo_bench.training.readings import Readings
from lodo_bench.training.scored_window import Reading, ScoredWindow

Column = NDArray[np.float64]
Counts = NDArray[np.int64]


class Recorder:
    """An accumulator of losses, timings and metrics, which detects divergence.

    Its memory hardly grows with the number of steps: of long trainings it has means of blocks of losses
    (`lodo_bench.spec.curve_blocks`), and not every reading of the clock and the metrics. The mean losses before
    milestones are always those of all losses.

    Args:
        population: P, the number of individuals.
        milestones: the points at which the training is scored.

    Attributes:
        measured: the step up to which all metrics have been measured.
    """

    def __init__(self, population: int, milestones: Sequence[Milestone] = ()) -> None:
        self.measured = 0
        self._losses, self._clock = Losses(population), Readings(1)
        self._clock.add(0, np.zeros(1))
        self._windows = [ScoredWindow(milestone, population) for milestone in milestones]
        self._now, self._evaluations = Reading(0, 0.0), 0
        self._diverged_at = np.full(population, -1)
        self._last_loss = np.full(population, np.nan)  # of those that diverged
        self._last_evaluation = np.zeros(population, np.int64)  # likewise
        self._metric_history: dict[str, Readings] = {}  # by name
        self._latest: dict[str, Column] = {}  # of the metrics that are scores, by name
        self._scores: dict[Milestone, dict[str, Column]] = {}  # by milestone and name
        self._scored_at: dict[Milestone, int] = {}

    @property
    def steps(self) -> int:
        """Recorded steps."""
        return self._now.steps

    @property
    def num_active(self) -> int:
        """The number of individuals that have not diverged: all their losses are finite."""
        return int((self._diverged_at < 0).sum())

    def has_scored(self, milestone: Milestone) -> bool:
        """Return whether scores were added for a milestone."""
        return milestone in self._scores

    def add(self, losses: Tensor, evaluations: Counts, seconds: float) -> None:
        """Add a chunk of losses, (steps, P), that ended at `seconds`, and the evaluations up to each step, (steps,)."""
        block = losses.to("cpu", torch.float64).numpy()
        if not len(block):
            return
        broken = ~np.isfinite(block)
        newly = np.flatnonzero((self._diverged_at < 0) & broken.any(axis=0))
        rows = broken.argmax(axis=0)[newly]
        self._diverged_at[newly] = self.steps + rows
        self._last_loss[newly] = block[rows, newly]
        self._last_evaluation[newly] = evaluations[rows]
        until = Reading(self.steps + len(block), seconds)
        for window in self._windows:
            window.add(block, self._now, until)
        self._losses.add(block)
        self._clock.add(until.steps, np.array([seconds]))
        self._now, self._evaluations = until, int(evaluations[-1])

    def add_measurement(self, values: Mapping[str, Tensor], *, is_score: bool) -> None:
        """Add metrics after the steps so far, each (P,); `is_score` tells whether they count as scores, too."""
        for name, column in values.items():
            self._metric_history.setdefault(name, Readings(len(column))).add(self.steps, _column(column))
            if is_score:
                self._latest[name] = _column(column)

    def add_scores(self, milestone: Milestone, values: Mapping[str, Tensor]) -> None:
        """Add test metrics at a milestone, each (P,); the latest metrics that count as scores are added to them."""
        self._scores[milestone] = {**self._latest, **{name: _column(column) for name, column in values.items()}}
        self._scored_at[milestone] = self.steps

    def outcomes(self, *, interrupted: bool) -> list[Outcome]:
        """Return one outcome for each individual."""
        losses = self._losses.blocks()
        return [self._outcome(p, losses[:, p], interrupted) for p in range(len(self._diverged_at))]

    def state_dict(self) -> StateDict:
        """Return everything recorded, for `load_state_dict`."""
        return {
            "now": tuple(self._now),
            "measured": self.measured,
            "latest": _tensors(self._latest),
            "scores": {milestone.key: _tensors(values) for milestone, values in self._scores.items()},
            "scored_at": {milestone.key: steps for milestone, steps in self._scored_at.items()},
            "evaluations": self._evaluations,
            "losses": self._losses.state_dict(),
            "windows": {window.milestone.key: window.state_dict() for window in self._windows},
            "clock": self._clock.state_dict(),
            "diverged_at": torch.from_numpy(self._diverged_at),
            "last_loss": torch.from_numpy(self._last_loss),
            "last_evaluation": torch.from_numpy(self._last_evaluation),
            "metrics": {name: history.state_dict() for name, history in self._metric_history.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore everything recorded.

        Raises:
            StateError: if it is the state of something else.
        """
        own = self.state_dict()
        if set(state) != set(own) or set(state["windows"]) != set(own["windows"]):
            raise StateError("the record of the training is incomplete")
        self._losses.load_state_dict(state["losses"])
        self._now, self.measured = Reading(*state["now"]), state["measured"]
        self._latest = _arrays(state["latest"])
        self._scores = {Milestone.parse(key): _arrays(values) for key, values in state["scores"].items()}
        self._scored_at = {Milestone.parse(key): steps for key, steps in state["scored_at"].items()}
        self._evaluations = state["evaluations"]
        for window in self._windows:
            window.load_state_dict(state["windows"][window.milestone.key])
        self._clock.load_state_dict(state["clock"])
        self._diverged_at = state["diverged_at"].numpy().copy()
        self._last_loss = state["last_loss"].numpy().copy()
        self._last_evaluation = state["last_evaluation"].numpy().copy()
        self._metric_history = {name: self._history(history) for name, history in state["metrics"].items()}

    def _history(self, state: Mapping[str, Any]) -> Readings:
        history = Readings(len(self._diverged_at))
        history.load_state_dict(state)
        return history

    def _outcome(self, individual: int, losses: Column, interrupted: bool) -> Outcome:
        diverged_at = int(self._diverged_at[individual])
        status, reason = (Status.INTERRUPTED, "stopped by the user") if interrupted else (Status.COMPLETED, "")
        steps, evaluations, losses = self.steps, self._evaluations, losses.copy()
        if diverged_at >= 0:
            steps, evaluations = diverged_at + 1, int(self._last_evaluation[individual])
            losses = losses[: num_blocks(steps)]
            losses[-1] = self._last_loss[individual]  # a block would have losses after the divergence as well
            status, reason = Status.DIVERGED, f"loss {losses[-1]} at step {steps}"
        curve = Curve(
            losses,
            self._clock.steps,
            self._clock.values[:, 0],
            self._metrics(individual),
            None if len(losses) == steps else block_ends(steps),
        )
        milestones = {window.milestone: self._mean(window, individual, steps) for window in self._windows}
        return Outcome(
            status,
            reason,
            steps,
            evaluations,
            curve,
            self._scores_of(individual),
            {milestone: loss for milestone, loss in milestones.items() if loss is not None},
        )

    def _mean(self, window: ScoredWindow, individual: int, steps: int) -> float | None:
        loss = window.mean(individual, steps)
        return math.nan if loss is None and self._diverged_at[individual] >= 0 else loss

    def _metrics(self, individual: int) -> dict[str, MetricHistory]:
        found = {}
        for name, history in self._metric_history.items():
            diverged_at = self._diverged_at[individual]
            active = np.full(len(history.steps), True) if diverged_at < 0 else history.steps <= diverged_at
            if active.any():
                found[name] = MetricHistory(history.steps[active], history.values[active, individual])
        return found

    def _scores_of(self, individual: int) -> dict[Milestone, dict[str, float]]:
        return {
            milestone: {name: float(column[individual]) for name, column in values.items()}
            for milestone, values in self._scores.items()
            if self._was_active(individual, self._scored_at[milestone])
        }

    def _was_active(self, individual: int, step: int) -> bool:
        """Return whether an individual had not diverged by `step`; one that has is still measured with the others."""
        diverged_at = self._diverged_at[individual]
        return bool(diverged_at < 0 or step <= diverged_at)


def _column(values: Tensor) -> Column:
    return values.detach().to("cpu", torch.float64).numpy().copy()


def _tensors(columns: Mapping[str, Column]) -> dict[str, Tensor]:
    return {key: torch.from_numpy(column) for key, column in columns.items()}


def _arrays(columns: Mapping[str, Tensor]) -> dict[str, Column]:
    return {key: column.numpy().copy() for key, column in columns.items()}
