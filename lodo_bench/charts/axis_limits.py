"""How high a picture of courses must be: one that grows beyond bounds would squeeze all others to the ground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from lodo_bench.charts.curves import CurveBand

# A course is beyond bounds if it rises to more than this times where the courses begin, and more than this times above
# all that stay within.
BOUNDS = 100.0


@dataclass(frozen=True, slots=True)
class AxisLimits:
    """What a picture has room for.

    Attributes:
        heights: the values of y in it; empty if no course has any.
        ceiling: the highest value of the courses that stay in the picture; None if all do.
        peaks: for each course the highest value of one that leaves the picture at the top, None for one that stays.
    """

    heights: NDArray[np.float64]
    ceiling: float | None
    peaks: tuple[float | None, ...]


def axis_limits(courses: Sequence[CurveBand], bounds: float = BOUNDS) -> AxisLimits:
    """Room for the courses that stay within bounds, and for what is not above these of those that do not.

    Where none stays within bounds there is none to be squeezed, and all are in the picture; likewise where `bounds` are
    infinite.
    """
    framing = [course.framing for course in courses]
    if not any(map(len, framing)):
        framing = [course.extent for course in courses]
    heights = np.concatenate([np.array([]), *framing])
    tops = [float(values.max()) if len(values) else -np.inf for values in framing]
    ceiling = bounds * _highest(top for top in tops if top <= bounds * _beginning(courses))
    peaks = tuple(top if 0 < ceiling < top else None for top in tops)
    if not any(peaks):
        return AxisLimits(heights, None, peaks)
    staying = _highest(top for top, peak in zip(tops, peaks, strict=True) if peak is None)
    return AxisLimits(heights[heights <= staying], staying, peaks)


def off_scale_note(label: str, peak: float, separator: str = ": ") -> str:
    """Return a legend entry such as `bfgs is clipped at the top: up to 5.7e+05`."""
    return f"{label} is clipped at the top{separator}up to {peak:.2g}"


def _highest(tops: Iterable[float]) -> float:
    return max(tops, default=-np.inf)


def _beginning(courses: Sequence[CurveBand]) -> float:
    """Where most of them begin; by the clock, the first point of some may be a mean of steps far above."""
    return median_low([float(course.high[0]) for course in courses if len(course.x)] or [np.nan])
