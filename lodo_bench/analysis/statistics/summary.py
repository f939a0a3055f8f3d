"""Mean, standard deviation and median, and the number of diverged runs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.statistics.exact import exact_deviation, exact_mean


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


def summarize(values: Iterable[float]) -> Summary:
    """Return mean and standard deviation of the finite values, and the number of the others (LODO §5)."""
    everything = list(values)
    finite = [value for value in everything if math.isfinite(value)]
    return Summary(
        mean=mean(finite) if finite else math.nan,
        std=_deviation(finite) if len(finite) > 1 else math.nan,
        count=len(finite),
        diverged=len(everything) - len(finite),
    )


def mean(values: Collection[float]) -> float:
    """Return the mean of finite values, at least one, rounded once: their sum is exact."""
    low, high = min(values), max(values)
    return low + 0 if low == high else exact_mean(values)  # many runs are of equally many steps


def median(values: Sequence[float]) -> float:
    """Return the median, however huge the values; NaN without values, or halfway between opposite infinities."""
    if not len(values):
        return math.nan
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else low / 2 + high / 2


def majority_mean(values: Collection[float]) -> float:
    """Return the mean of the finite values; infinite unless they are more than half of all."""
    finite = [value for value in values if math.isfinite(value)]
    return mean(finite) if 2 * len(finite) > len(values) else math.inf


def _deviation(values: Sequence[float]) -> float:
    if min(values) == max(values):
        return 0.0
    try:
        return exact_deviation(values)
    except OverflowError:  # of finite values that are too far apart
        return math.inf
