"""Vertical axis limits: a value that explodes would compress all others, and noise on a log axis would stretch it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from lodo_bench.charts.curves import CurveBand

# A curve is clipped if it rises above this factor times the initial values, and above this factor times all curves that
# are not clipped.
BOUNDS = 100.0
# Of losses that reach 0 up to rounding, those below this share of the initial value are not visible.
_FLOOR = 1e-12
# Limits are no further from 0, so that their difference is a number; larger values lie outside.
_LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class AxisLimits:
    """The range of y values of a chart.

    Attributes:
        values: the values of y that must be visible; empty if no curve has any.
        ceiling: the highest value of the curves that are not clipped; None if no curve is.
        peaks: for each curve that is clipped at the top its highest value, None for the others.
        floor: the smallest value that a log axis must show; None if every positive one.
    """

    values: NDArray[np.float64]
    ceiling: float | None
    peaks: tuple[float | None, ...]
    floor: float | None = None

    @property
    def clipped(self) -> list[float]:
        """The highest values of the curves that are clipped at the top."""
        return [peak for peak in self.peaks if peak is not None]


def axis_limits(bands: Sequence[CurveBand], bounds: float = BOUNDS) -> AxisLimits:
    """Return limits that show the curves within bounds in full, and of the others the part below their maximum.

    If all curves exceed the bounds, or `bounds` is infinite, none is clipped.
    """
    settled = [band.settled for band in bands]
    if not any(map(len, settled)):
        settled = [band.finite for band in bands]
    settled = [own.clip(-_LARGEST, _LARGEST) for own in settled]
    tops = [float(own.max()) if len(own) else -np.inf for own in settled]
    initial = _typical(float(band.high[0]) for band in bands if len(band.x))
    return _limits(np.concatenate([np.array([]), *settled]), tops, initial, bounds)


def value_limits(values: Sequence[float]) -> AxisLimits:
    """Return limits for single finite values, such as the fitnesses of a search, by the rule of curves.

    Each value counts as a curve of one point, so that the typical initial value is the median of all.
    """
    shown = np.array(values, dtype=np.float64).clip(-_LARGEST, _LARGEST)
    return _limits(shown, shown.tolist(), _typical(values), BOUNDS)


def _limits(values: NDArray[np.float64], tops: Sequence[float], initial: float, bounds: float) -> AxisLimits:
    """Return limits for the values of curves, which have these maxima."""
    values, floor = _above_floor(values, initial)
    ceiling = bounds * _highest(top for top in tops if top <= bounds * initial)
    peaks = tuple(top if 0 < ceiling < top else None for top in tops)
    if not any(peaks):
        return AxisLimits(values, None, peaks, floor)
    highest = _highest(top for top, peak in zip(tops, peaks, strict=True) if peak is None)
    return AxisLimits(values[values <= highest], highest, peaks, floor)


def _above_floor(values: NDArray[np.float64], initial: float) -> tuple[NDArray[np.float64], float | None]:
    """Return the values without the positive ones that are too small to be told from 0, unless all of them are."""
    visible = (values <= 0) | ~(values < _FLOOR * initial)
    if visible.all() or not (values[visible] > 0).any():
        return values, None
    return values[visible], float(values[visible & (values > 0)].min())


def off_scale_note(label: str, peak: float, separator: str = ": ") -> str:
    """Return a legend entry such as `bfgs is clipped at the top: up to 5.7e+05`."""
    return f"{label} is clipped at the top{separator}up to {peak:.2g}"


def _highest(tops: Iterable[float]) -> float:
    return max(tops, default=-np.inf)


def _typical(firsts: Iterable[float]) -> float:
    """Return the median first value; by time, the first point of a curve may be a mean of much larger losses."""
    return median_low(list(firsts) or [np.nan])
