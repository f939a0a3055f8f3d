"""The record of a training: losses, timings and metrics, and the outcomes made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench.errors import StateError
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve, MetricHistory, Outcome, Status
from lodo_bench.state import StateDict

Column = NDArray[np.float64]
Counts = NDArray[np.int64]
Key = TypeVar("Key", str, int)


class Recorder:
    """An accumulator of losses, timings and metrics, which detects divergence.

    Args:
        population: P, the number of individuals.

    Attributes:
        steps: recorded steps.
        measured: the step up to which all metrics have been measured.
    """

    def __init__(self, population: int) -> None:
        self.steps = 0
        self.measured = 0
        self._evaluations: list[Counts] = [np.empty(0, np.int64)]
        self._losses: list[NDArray[np.float64]] = [np.empty((0, population))]
        self._clock: list[tuple[int, float]] = [(0, 0.0)]
        self._diverged_at = np.full(population, -1)
        self._metric_history: dict[str, dict[int, Column]] = {}  # by name and step
        self._latest: dict[str, Column] = {}  # of the metrics that are scores, by name
        self._scores: dict[Milestone, dict[str, Column]] = {}  # by milestone and name
        self._scored_at: dict[Milestone, int] = {}

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
        broken = ~np.isfinite(block)
        newly = (self._diverged_at < 0) & broken.any(axis=0)
        self._diverged_at[newly] = self.steps + broken.argmax(axis=0)[newly]
        self._losses.append(block)
        self.steps += len(block)
        self._evaluations.append(evaluations)
        self._clock.append((self.steps, seconds))

    def add_measurement(self, values: Mapping[str, Tensor], *, is_score: bool) -> None:
        """Add metrics after the steps so far, each (P,); `is_score` tells whether they count as scores, too."""
        for name, column in values.items():
            self._metric_history.setdefault(name, {})[self.steps] = _column(column)
            if is_score:
                self._latest[name] = _column(column)

    def add_scores(self, milestone: Milestone, values: Mapping[str, Tensor]) -> None:
        """Add test metrics at a milestone, each (P,); the latest metrics that count as scores are added to them."""
        self._scores[milestone] = {**self._latest, **{name: _column(column) for name, column in values.items()}}
        self._scored_at[milestone] = self.steps

    def outcomes(self, *, interrupted: bool) -> list[Outcome]:
        """Return one outcome for each individual."""
        losses, evaluations = np.concatenate(self._losses), np.concatenate(self._evaluations)
        return [self._outcome(p, losses[:, p], evaluations, interrupted) for p in range(len(self._diverged_at))]

    def state_dict(self) -> StateDict:
        """Return everything recorded, for `load_state_dict`."""
        return {
            "steps": self.steps,
            "measured": self.measured,
            "latest": _tensors(self._latest),
            "scores": {milestone.key: _tensors(values) for milestone, values in self._scores.items()},
            "scored_at": {milestone.key: steps for milestone, steps in self._scored_at.items()},
            "evaluations": torch.from_numpy(np.concatenate(self._evaluations)),
            "losses": torch.from_numpy(np.concatenate(self._losses)),
            "clock_steps": torch.tensor([steps for steps, _ in self._clock], dtype=torch.int64),
            "clock_seconds": torch.tensor([seconds for _, seconds in self._clock], dtype=torch.float64),
            "diverged_at": torch.from_numpy(self._diverged_at),
            "metrics": {name: _tensors(history) for name, history in self._metric_history.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore everything recorded.

        Raises:
            StateError: if it is the state of something else.
        """
        if set(state) != set(self.state_dict()) or state["losses"].shape != (state["steps"], len(self._diverged_at)):
            raise StateError("the record of the training is incomplete")
        self.steps, self.measured = state["steps"], state["measured"]
        self._latest = _arrays(state["latest"])
        self._scores = {Milestone.parse(key): _arrays(values) for key, values in state["scores"].items()}
        self._scored_at = {Milestone.parse(key): steps for key, steps in state["scored_at"].items()}
        self._evaluations = [state["evaluations"].numpy().copy()]
        self._losses = [state["losses"].numpy().copy()]
        self._clock = list(zip(state["clock_steps"].tolist(), state["clock_seconds"].tolist(), strict=True))
        self._diverged_at = state["diverged_at"].numpy().copy()
        self._metric_history = {name: _arrays(history) for name, history in state["metrics"].items()}

    def _outcome(self, individual: int, losses: Column, evaluations: Counts, interrupted: bool) -> Outcome:
        diverged_at = int(self._diverged_at[individual])
        status, reason = (Status.INTERRUPTED, "stopped by the user") if interrupted else (Status.COMPLETED, "")
        if diverged_at >= 0:
            losses = losses[: diverged_at + 1]
            status, reason = Status.DIVERGED, f"loss {losses[-1]} at step {len(losses)}"
        clock_steps = np.array([steps for steps, _ in self._clock])
        clock_seconds = np.array([seconds for _, seconds in self._clock])
        curve = Curve(losses.copy(), clock_steps, clock_seconds, self._metrics(individual))
        num_evaluations = int(evaluations[len(losses) - 1]) if len(losses) else 0
        return Outcome(status, reason, len(losses), num_evaluations, curve, self._scores_of(individual))

    def _metrics(self, individual: int) -> dict[str, MetricHistory]:
        found = {}
        for name, history in self._metric_history.items():
            steps = [step for step in history if self._was_active(individual, step)]
            if steps:
                found[name] = MetricHistory(np.array(steps), np.array([history[step][individual] for step in steps]))
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


def _tensors(columns: Mapping[Key, Column]) -> dict[Key, Tensor]:
    return {key: torch.from_numpy(column) for key, column in columns.items()}


def _arrays(columns: Mapping[Key, Tensor]) -> dict[Key, Column]:
    return {key: column.numpy().copy() for key, column in columns.items()}
