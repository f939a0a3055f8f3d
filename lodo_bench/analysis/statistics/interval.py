"""Bootstrap confidence intervals of a mean."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics.student import two_sided_quantile

CONFIDENCE = 0.95
RESAMPLES = 9999
_SEED = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """The confidence interval of a mean, from `low` to `high`; both are NaN if there are too few values."""

    low: float
    high: float


def confidence_interval(values: Iterable[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the bootstrap percentile interval of the mean of the finite values, widened for small samples.

    The values are drawn again with replacement 9999 times, and the interval holds the middle of the means of these
    samples. A plain percentile interval covers too little of few values: for n normal ones it is narrower than
    Student's by √((n − 1)/n) z/t. So the quantiles are taken not at (1 − confidence)/2 and its complement but at
    Φ(∓√(n/(n − 1)) t), t being Student's quantile with n − 1 degrees of freedom (Hesterberg, "What teachers should know
    about the bootstrap", The American Statistician 69, 2015, §5.3). The random draws have a seed of their own: the same
    values give the same interval. As it never reaches beyond the smallest and the largest value, and these hold the
    median of n values with the probability 1 − 2¹⁻ⁿ only, there is none of less than six values at 95 %.

    Args:
        values: those that are not finite are left out.
        confidence: how often such an interval is to cover the true mean, in (0, 1).

    Returns:
        (NaN, NaN) for too few finite values.
    """
    found = np.array([value for value in values if math.isfinite(value)])
    if 2.0 ** (1 - len(found)) > 1 - confidence:
        return Interval(math.nan, math.nan)
    if found.min() == found.max():
        return Interval(float(found[0]), float(found[0]))
    scale = float(np.abs(found).max())
    means = (found / scale)[_draws(len(found))].mean(axis=1)  # scaled, so that a sum of huge values is none too large
    tail = _tail(len(found), confidence)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low * scale), float(high * scale))


@lru_cache(maxsize=2)
def _draws(count: int) -> NDArray[np.unsignedinteger]:
    """Return the indices of all samples of this many values; the rows of a report mostly have equally many."""
    draws = np.random.default_rng(_SEED).integers(count, size=(RESAMPLES, count))
    return draws.astype(np.min_scalar_type(count))


@lru_cache(maxsize=256)
def _tail(count: int, confidence: float) -> float:
    """Return the probability left out at each end, widened for `count` values."""
    student = two_sided_quantile(confidence, count - 1)
    return NormalDist().cdf(-math.sqrt(count / (count - 1)) * student)
