"""Learning curves of single runs, and their aggregation over seeds into a few points on a log scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lodo_bench.spec.outcome import Curve, MetricHistory, Status

Floats = NDArray[np.float64]
POINTS = 240
_SHORTEST = 1e-9  # seconds, where the clock reads 0: a log scale has no 0


@dataclass(frozen=True, slots=True)
class RunCurve:
    """One quantity of one run over steps or training time.

    Attributes:
        x: (T,), increasing and positive: steps or seconds.
        y: (T,), values; not finite from the step at which the run diverged.
        status: outcome of the run.
        sizes: (T,), the number of steps that share each value, if they share any.
    """

    x: Floats
    y: Floats
    status: Status = Status.COMPLETED
    sizes: NDArray[np.int64] | None = None

    @property
    def end(self) -> float:
        """The last `x`."""
        return float(self.x[-1])


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Median and range of several runs at K points.

    A point summarizes everything measured after the previous point, up to its own `x`: the mean of each run, or its
    last value if nothing was measured. Runs that diverged are excluded from there on.

    Attributes:
        x: (K,), steps or seconds.
        middle: (K,), medians over the runs.
        low, high: (K,), minima and maxima over the runs.
        runs: number of runs, including those that diverged.
        ends: for each diverged run, the x at which it diverged and its last finite y.
    """

    x: Floats
    middle: Floats
    low: Floats
    high: Floats
    runs: int
    ends: tuple[tuple[float, float], ...]

    @property
    def settled(self) -> Floats:
        """The values of y after the last divergence, which determine the axis limits.

        A diverging run reaches arbitrarily large values first, and would compress everything else.
        """
        after = self.x > max((x for x, _ in self.ends), default=-np.inf)
        return np.concatenate([self.low[after], self.high[after]])

    @property
    def finite(self) -> Floats:
        """All finite values of y."""
        values = np.concatenate([self.low, self.high, np.array([y for _, y in self.ends])])
        finite: Floats = values[np.isfinite(values)]
        return finite


def by_steps(curve: Curve, status: Status) -> RunCurve:
    """Return the loss of each step; the first is step 1."""
    return RunCurve(_ends(curve), curve.losses, status, curve.block_sizes)


def by_seconds(curve: Curve, status: Status) -> RunCurve:
    """Return the loss of each step over training time, interpolated between readings of the clock."""
    seconds = np.interp(_ends(curve), curve.clock_steps, curve.clock_seconds)
    return RunCurve(np.maximum(seconds, _SHORTEST, out=seconds), curve.losses, status, curve.block_sizes)


def _ends(curve: Curve) -> Floats:
    """Return the number of steps after each loss, as floats: those of equally long runs are made once."""
    return _counted(len(curve.losses)) if curve.block_ends is None else curve.block_ends.astype(np.float64)


@lru_cache(maxsize=2)
def _counted(steps: int) -> Floats:
    found = np.arange(1, steps + 1, dtype=np.float64)
    found.flags.writeable = False
    return found


def metric_curve(history: MetricHistory) -> RunCurve:
    """Return a metric by steps."""
    return RunCurve(history.steps.astype(np.float64), history.values)


def aggregate(curves: Iterable[RunCurve], points: int = POINTS) -> CurveBand | None:
    """Downsample curves to at most `points` points, evenly spaced on a log scale, and summarize them over the runs.

    The band ends where the shortest run that did not diverge ends, so that every point covers the same runs.

    Returns:
        None if no curve has a point. If all runs diverged at once, the band has no points, only their number.
    """
    runs = [curve for curve in curves if len(curve.x)]
    if not runs:
        return None
    complete = [run.end for run in runs if run.status is not Status.DIVERGED]
    first, last = max(run.x[0] for run in runs), min(complete) if complete else max(run.end for run in runs)
    edges = _edges([run.x for run in runs], first, last, points)
    table = np.stack([_downsampled(run, edges) for run in runs])
    filled = np.isfinite(table).any(axis=0)
    edges, table = edges[filled], table[:, filled]
    ends = tuple(end for run in runs if (end := _divergence(run)) is not None)
    return CurveBand(
        x=edges,
        middle=_median(table),
        low=np.fmin.reduce(table, axis=0),
        high=np.fmax.reduce(table, axis=0),
        runs=len(runs),
        ends=ends,
    )


def _edges(grids: Sequence[Floats], first: float, last: float, points: int) -> Floats:
    """Return right bin edges, each of which is an x of some run; the last one is `last`."""
    if last <= first:
        return np.array([max(first, last)])
    targets = np.geomspace(first, last, points)
    within = [grid[np.searchsorted(grid, first) : np.searchsorted(grid, last, side="right")] for grid in grids]
    # The next x of any run, for which the grids need not be merged: they may be long.
    following = [_next(grid, targets) for grid in within]
    largest = max(grid[-1] for grid in within if len(grid))
    found = np.unique(np.minimum(np.min(following, axis=0), largest))
    edges: Floats = np.append(found[:-1], last)
    return edges


def _next(grid: Floats, targets: Floats) -> Floats:
    """Return the first number of a grid that is not below each target; infinity where there is none."""
    index = np.searchsorted(grid, targets)
    found = np.full(len(targets), np.inf)
    exists = index < len(grid)
    found[exists] = grid[index[exists]]
    return found


def _downsampled(run: RunCurve, edges: Floats) -> Floats:
    """Return the mean in each bin, or the last value before an empty bin; NaN from the divergence on."""
    stops = np.searchsorted(run.x, edges, side="right")
    starts = np.concatenate([[0], stops[:-1]])
    empty = stops == starts
    values = np.full(len(edges), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        if len(filled := np.flatnonzero(~empty)):
            total = run.y if run.sizes is None else run.y * run.sizes
            sums, counts = np.add.reduceat(total[: stops[-1]], starts[filled]), (stops - starts)[filled]
            if run.sizes is not None:
                counts = np.add.reduceat(run.sizes[: stops[-1]], starts[filled])
            values[filled] = sums / counts
    carried = empty & (stops > 0)
    values[carried] = run.y[stops[carried] - 1]
    if run.status is Status.DIVERGED:
        values[edges >= run.end] = np.nan
    values[~np.isfinite(values)] = np.nan
    return values


def _median(table: Floats) -> Floats:
    """Return the median of each column's finite values, of which there is at least one, without overflow."""
    ordered, count = np.sort(table, axis=0), np.isfinite(table).sum(axis=0)
    lower, upper = (np.take_along_axis(ordered, index[None], axis=0)[0] for index in ((count - 1) // 2, count // 2))
    middle: Floats = np.clip(lower / 2 + upper / 2, lower, upper)  # halves of the smallest numbers are 0
    return middle


def _divergence(run: RunCurve) -> tuple[float, float] | None:
    if run.status is not Status.DIVERGED:
        return None
    finite = run.y[np.isfinite(run.y)]
    return run.end, float(finite[-1]) if len(finite) else float("nan")
