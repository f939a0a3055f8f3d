"""Vertical axis limits of learning curves: a curve that explodes would compress all other curves."""

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


@dataclass(frozen=True, slots=True)
class AxisLimits:
    """The range of y values of a chart.

    Attributes:
        values: the values of y that must be visible; empty if no curve has any.
        ceiling: the highest value of the curves that are not clipped; None if no curve is.
        peaks: for each curve that is clipped at the top its highest value, None for the others.
    """

    values: NDArray[np.float64]
    ceiling: float | None
    peaks: tuple[float | None, ...]


def axis_limits(bands: Sequence[CurveBand], bounds: float = BOUNDS) -> AxisLimits:
    """Return limits that show the curves within bounds in full, and of the others the part below their maximum.

    If all curves exceed the bounds, or `bounds` is infinite, none is clipped.
    """
    settled = [band.settled for band in bands]
    if not any(map(len, settled)):
        settled = [band.finite for band in bands]
    values = _above_floor(np.concatenate([np.array([]), *settled]), _initial_value(bands))
    tops = [float(own.max()) if len(own) else -np.inf for own in settled]
    ceiling = bounds * _highest(top for top in tops if top <= bounds * _initial_value(bands))
    peaks = tuple(top if 0 < ceiling < top else None for top in tops)
    if not any(peaks):
        return AxisLimits(values, None, peaks)
    highest = _highest(top for top, peak in zip(tops, peaks, strict=True) if peak is None)
    return AxisLimits(values[values <= highest], highest, peaks)


def _above_floor(values: NDArray[np.float64], initial: float) -> NDArray[np.float64]:
    """Return the values without the positive ones that are too small to be told from 0, unless all of them are."""
    visible = (values <= 0) | ~(values < _FLOOR * initial)
    return values[visible] if (values[visible] > 0).any() else values


def off_scale_note(label: str, peak: float, separator: str = ": ") -> str:
    """Return a legend entry such as `bfgs is clipped at the top: up to 5.7e+05`."""
    return f"{label} is clipped at the top{separator}up to {peak:.2g}"


def _highest(tops: Iterable[float]) -> float:
    return max(tops, default=-np.inf)


def _initial_value(bands: Sequence[CurveBand]) -> float:
    """Return the median first value; by time, the first point of a curve may be a mean of much larger losses."""
    return median_low([float(band.high[0]) for band in bands if len(band.x)] or [np.nan])
