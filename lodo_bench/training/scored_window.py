"""The mean loss before a milestone: of every loss, however long the curve is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lodo_bench.spec.milestone import Milestone, scored_window
from lodo_bench.state import StateDict
from lodo_bench.training.rows import Rows

_MOST_ROWS = 2**20

Floats = NDArray[np.float64]


class Reading(NamedTuple):
    """The training clock after a number of steps."""

    steps: int
    seconds: float


class ScoredWindow:
    """The losses that score a milestone, by the rule of `lodo_bench.spec.milestone_loss.milestone_loss`.

    Losses are in memory until 2^20 of them can be replaced by their sum.

    Args:
        milestone: the milestone.
        population: P, the number of individuals.

    Attributes:
        milestone: the milestone.
    """

    def __init__(self, milestone: Milestone, population: int) -> None:
        self.milestone = milestone
        self._first: int | None = None  # the range of the losses, where it is known
        self._last: int | None = None
        self._needed: int | None = None  # the number of steps of an individual that has reached the milestone
        if milestone.unit == "steps":
            self._first, self._last = scored_window(int(milestone.value))
            self._needed = int(milestone.value)
        self._before: Floats = np.empty((0, population))  # the loss before those that are added
        self._rows, self._sums = Rows(population, np.float64), Rows(population, np.float64)
        self._count = 0  # of losses in the window so far

    def add(self, losses: Floats, since: Reading, until: Reading) -> None:
        """Add the losses of the steps between two readings of the clock, (k, P)."""
        if self.milestone.unit == "seconds":
            self._place(since, until)
        if self._first is not None and self._first >= 0:
            known = np.concatenate([self._before, losses])
            begin, end = until.steps - len(known), until.steps if self._last is None else self._last
            self._append(known[max(self._first + self._count - begin, 0) : max(end - begin, 0)])  # empty when complete
        self._before = losses[-1:].copy()

    def mean(self, individual: int, steps: int) -> float | None:
        """Return the mean loss of an individual that took `steps` steps; None if it ended before the milestone."""
        if self._needed is None or steps < self._needed or not self._is_complete():
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self._sums.values[:, individual].sum() / self._count)

    def _place(self, since: Reading, until: Reading) -> None:
        """Find the ends of a window of seconds, as soon as the clock has passed them."""
        seconds = self.milestone.value
        if self._first is None and until.seconds >= 0.9 * seconds:
            self._first = _steps_ended_by(0.9 * seconds, since, until)
        if self._first is not None and self._last is None and until.seconds >= seconds:
            self._last = self._needed = _steps_ended_by(seconds, since, until)
            self._first = min(self._first, self._last - 1)

    def _is_complete(self) -> bool:
        return self._first is not None and self._last is not None and self._count == self._last - self._first

    def _append(self, losses: Floats) -> None:
        self._rows.append(losses)
        self._count += len(losses)
        while len(self._rows) >= _MOST_ROWS or (self._is_complete() and len(self._rows)):
            rows = self._rows.values
            with np.errstate(over="ignore", invalid="ignore"):
                self._sums.append(np.ascontiguousarray(rows[:_MOST_ROWS].T).sum(axis=1)[None])
            self._rows.replace(rows[_MOST_ROWS:])

    def state_dict(self) -> StateDict:
        """Return all of it, for `load_state_dict`."""
        return {
            "first": self._first,
            "last": self._last,
            "needed": self._needed,
            "count": self._count,
            "before": torch.from_numpy(self._before),
            "rows": torch.from_numpy(self._rows.values),
            "sums": torch.from_numpy(self._sums.values),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore all of it."""
        self._first, self._last, self._needed = state["first"], state["last"], state["needed"]
        self._count = state["count"]
        self._before = state["before"].numpy().copy()
        self._rows.replace(state["rows"].numpy())
        self._sums.replace(state["sums"].numpy())


def _steps_ended_by(seconds: float, since: Reading, until: Reading) -> int:
    found = np.interp(seconds, [since.seconds, until.seconds], [since.steps, until.steps])
    return math.floor(found)
