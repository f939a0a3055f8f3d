"""Mean and standard deviation, or median and range, and the number of diverged runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Several runs, summarized.

    Attributes:
        mean: of the finite values; NaN if there is none.
        std: their sample standard deviation (n − 1 in the denominator); NaN for fewer than two.
        count: how many values are finite.
        diverged: how many are not.
    """

    mean: float
    std: float
    count: int
    diverged: int


@dataclass(frozen=True, slots=True)
class MedianRange:
    """Several searches, summarized: values that may differ by orders of magnitude, and are few.

    Attributes:
        median: of the finite values; NaN if there is none.
        low, high: the smallest and the largest of them; NaN if there is none.
        count: how many values are finite.
        diverged: how many are not.
    """

    median: float
    low: float
    high: float
    count: int
    diverged: int


def summarize(values: Iterable[float]) -> Summary:
    """Return mean and standard deviation of the finite values, and the number of the others (LODO §5)."""
    everything = list(values)
    finite = [value for value in everything if math.isfinite(value)]
    return Summary(
        mean=statistics.mean(finite) if finite else math.nan,
        std=_deviation(finite) if len(finite) > 1 else math.nan,
        count=len(finite),
        diverged=len(everything) - len(finite),
    )


def median_and_range(values: Iterable[float]) -> MedianRange:
    """Return median and range of the finite values, and the number of the others."""
    everything = list(values)
    finite = sorted(value for value in everything if math.isfinite(value))
    if not finite:
        return MedianRange(math.nan, math.nan, math.nan, 0, len(everything))
    middle = finite[(len(finite) - 1) // 2] / 2 + finite[len(finite) // 2] / 2  # halved first: a sum may be too large
    return MedianRange(middle, finite[0], finite[-1], len(finite), len(everything) - len(finite))


def _deviation(values: Sequence[float]) -> float:
    try:
        return statistics.stdev(values)
    except OverflowError:  # of values that are finite, but more than 1e154 apart
        return math.inf
