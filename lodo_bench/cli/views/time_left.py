"""Estimate of the time until the runs of a command are finished, judging by those so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from lodo_bench.spec.run_set import RunSetSpec


class TimeLeft:
    """An estimate of the time until the current runs, and all runs of a command, are finished.

    A run of another optimizer is expected to take as long for each step as those so far.

    Args:
        clock: the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: list[RunSetSpec] = []
        self._steps = 1
        self._ended_seconds = self._ended_steps = 0.0  # of all runs that ended
        self._seconds: list[float] = []  # of each run of this run set that ended
        self._count, self._left = 0, 0
        self._started = self._moved = self._first_fraction = self._fraction = math.nan

    def plan(self, specs: Sequence[RunSetSpec]) -> None:
        """Add run sets that will be run."""
        self._waiting += specs

    def begin(self, spec: RunSetSpec) -> None:
        """Begin a run set: it no longer waits, nor do those before it, which turned out to be finished."""
        if spec in self._waiting:
            del self._waiting[: self._waiting.index(spec) + 1]
        self._steps, self._seconds = spec.steps, []

    def start(self, count: int, left: int) -> None:
        """Start `count` runs at the same time; `left` are missing in this run set, with these."""
        self._count, self._left = count, left
        self._started = self._clock()
        self._moved = self._first_fraction = self._fraction = math.nan

    def reach(self, fraction: float) -> None:
        """Take note of how much of the current runs is done, from 0 to 1. They may have started from a checkpoint."""
        if math.isnan(self._first_fraction):
            self._moved, self._first_fraction = self._clock(), fraction
        self._fraction = fraction

    def end(self) -> None:
        """Take note of the end of one of the current runs."""
        seconds = (self._clock() - self._started) / max(self._count, 1)
        self._seconds.append(seconds)
        self._ended_seconds += seconds
        self._ended_steps += self._steps
        self._left -= 1

    @property
    def num_left(self) -> int:
        """The number of runs that have not ended."""
        return self._left + sum(spec.num_seeds for spec in self._waiting)

    @property
    def current(self) -> float:
        """The seconds until the current runs are finished; NaN while unknown."""
        progress = self._fraction - self._first_fraction
        if progress > 0:
            return (self._clock() - self._moved) * (1 - self._fraction) / progress
        if self._seconds:
            return max(self._count * self._mean() - (self._clock() - self._started), 0.0)
        return math.nan

    @property
    def later(self) -> float:
        """The seconds from then until all runs are finished; NaN while unknown, 0 if these are the last."""
        elapsed = self._clock() - self._started
        each = self._mean() if self._seconds else (elapsed + self.current) / max(self._count, 1)
        steps = self._ended_steps or self._steps
        per_step = (self._ended_seconds or each) / steps
        waiting = sum(max(per_step * spec.steps, spec.seconds or 0.0) * spec.num_seeds for spec in self._waiting)
        others = self._left - self._count
        return (others * each if others else 0.0) + (waiting if self._waiting else 0.0)

    @property
    def between_runs(self) -> float:
        """The seconds until all runs are finished, after the end of a run; NaN while unknown."""
        self._count = 0
        return self.later

    def _mean(self) -> float:
        return sum(self._seconds) / len(self._seconds)
