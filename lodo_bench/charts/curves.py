"""From whole learning curves to the few points of a picture: thinned on a log scale, brought together over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodo_bench.spec.outcome import Curve, MetricHistory, Status

Floats = NDArray[np.float64]
POINTS = 240
_SHORTEST = 1e-9  # of a clock that did not move; a log scale has no 0


@dataclass(frozen=True, slots=True)
class RunCurve:
    """One run's course of one quantity.

    Attributes:
        x: (T,), increasing, greater than 0: after how many steps, or seconds.
        y: (T,), what it was; not finite from where the run diverged.
        status: how the run ended.
    """

    x: Floats
    y: Floats
    status: Status = Status.COMPLETED

    @property
    def end(self) -> float:
        """Where it ends."""
        return float(self.x[-1])


@dataclass(frozen=True, slots=True)
class CurveBand:
    """The same of several seeds, in K points.

    A point stands for all that was measured after the point before it, up to its `x`: of each run the mean, or, where
    nothing was, what it was last. Runs that have diverged are left out from there on.

    Attributes:
        x: (K,), steps or seconds.
        middle: (K,), the median of the runs.
        low, high: (K,), the lowest and the highest of them.
        runs: how many there are, the diverged among them.
        ends: where runs diverged: x, and the last finite y.
    """

    x: Floats
    middle: Floats
    low: Floats
    high: Floats
    runs: int
    ends: tuple[tuple[float, float], ...]

    @property
    def framing(self) -> Floats:
        """The values of y that a picture must have room for: those after the last run that diverges, if any does.

        What diverges reaches any height on its way, and would leave no room for the others.
        """
        settled = self.x > max((x for x, _ in self.ends), default=-np.inf)
        return np.concatenate([self.low[settled], self.high[settled]])

    @property
    def extent(self) -> Floats:
        """All finite values of y in it."""
        values = np.concatenate([self.low, self.high, np.array([y for _, y in self.ends])])
        finite: Floats = values[np.isfinite(values)]
        return finite


def by_steps(curve: Curve, status: Status) -> RunCurve:
    """The loss after each step, the first being step 1."""
    return RunCurve(np.arange(1, len(curve.losses) + 1, dtype=np.float64), curve.losses, status)


def by_seconds(curve: Curve, status: Status) -> RunCurve:
    """The loss of each step at the training time at which it ended, interpolated between readings of the clock."""
    steps = np.arange(1, len(curve.losses) + 1)
    seconds = np.interp(steps, curve.clock_steps, curve.clock_seconds)
    return RunCurve(np.maximum(seconds, _SHORTEST), curve.losses, status)


def metric_curve(series: MetricHistory) -> RunCurve:
    """A metric's course by steps."""
    return RunCurve(series.steps.astype(np.float64), series.values)


def aggregate(paths: Iterable[RunCurve], points: int = POINTS) -> CurveBand | None:
    """Thin the paths to `points` at most, spread evenly on a log scale, and bring them together.

    It goes as far as the shortest run that did not diverge, so that it is of the same runs everywhere.

    Returns:
        None if no path has a point. A course whose runs all diverged at once has no points, but their number.
    """
    some = [path for path in paths if len(path.x)]
    if not some:
        return None
    whole = [path.end for path in some if path.status is not Status.DIVERGED]
    first, last = max(path.x[0] for path in some), min(whole) if whole else max(path.end for path in some)
    edges = _edges([path.x for path in some], first, last, points)
    table = np.stack([_thinned(path, edges) for path in some])
    filled = np.isfinite(table).any(axis=0)
    edges, table = edges[filled], table[:, filled]
    ends = tuple(end for path in some if (end := _divergence(path)) is not None)
    return CurveBand(
        x=edges,
        middle=_median(table),
        low=np.fmin.reduce(table, axis=0),
        high=np.fmax.reduce(table, axis=0),
        runs=len(some),
        ends=ends,
    )


def _edges(grids: Sequence[Floats], first: float, last: float, points: int) -> Floats:
    """Right ends of bins; every one is a place where some run has a point, and the last is `last`."""
    if last <= first:
        return np.array([max(first, last)])
    places = np.unique(np.concatenate([grid[(grid >= first) & (grid <= last)] for grid in grids]))
    wanted = np.geomspace(first, last, points)
    found = np.unique(np.minimum(np.searchsorted(places, wanted), len(places) - 1))
    edges: Floats = np.append(places[found[:-1]], last)
    return edges


def _thinned(path: RunCurve, edges: Floats) -> Floats:
    """The path's mean in each bin, or its last value where it has no point there; NaN from where it is not finite."""
    stops = np.searchsorted(path.x, edges, side="right")
    starts = np.concatenate([[0], stops[:-1]])
    empty = stops == starts
    values = np.full(len(edges), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        if len(filled := np.flatnonzero(~empty)):
            sums = np.add.reduceat(path.y[: stops[-1]], starts[filled])
            values[filled] = sums / (stops - starts)[filled]
    carried = empty & (stops > 0)
    values[carried] = path.y[stops[carried] - 1]
    if path.status is Status.DIVERGED:
        values[edges >= path.end] = np.nan
    values[~np.isfinite(values)] = np.nan
    return values


def _median(table: Floats) -> Floats:
    """The median of each column's finite values, of which there is one at least; without overflow."""
    ordered, count = np.sort(table, axis=0), np.isfinite(table).sum(axis=0)
    lower, upper = (np.take_along_axis(ordered, index[None], axis=0)[0] for index in ((count - 1) // 2, count // 2))
    middle: Floats = lower / 2 + upper / 2
    return middle


def _divergence(path: RunCurve) -> tuple[float, float] | None:
    if path.status is not Status.DIVERGED:
        return None
    finite = path.y[np.isfinite(path.y)]
    return path.end, float(finite[-1]) if len(finite) else float("nan")
