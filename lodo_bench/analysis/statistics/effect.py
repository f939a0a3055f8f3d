"""The size of a difference between two samples, with the interval that belongs to its rank test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics.interval import CONFIDENCE
from lodo_bench.analysis.statistics.matching import Match, distances
from lodo_bench.analysis.statistics.rank_tests import choice_distribution, sign_distribution
from lodo_bench.analysis.statistics.sample import Kind
from lodo_bench.analysis.statistics.summary import median


@dataclass(frozen=True, slots=True)
class Effect:
    """The size of one sample's values relative to another's.

    Attributes:
        estimate: the typical ratio or difference; NaN without values, or if all of both diverged.
        low, high: the ends of its 95 % confidence interval; NaN if there are too few values for one. An end is infinite
            (or, for ratios, 0) where too many runs of one of the two diverged for it to have a bound.
        kind: `ratio`, own / other, or `difference`, own − other.
    """

    estimate: float
    low: float
    high: float
    kind: Kind


def measure(pair: Match, kind: Kind) -> Effect:
    """Return the Hodges-Lehmann estimate of a ratio or difference, and the interval that belongs to the pair's test.

    The estimate is the median of the n m differences of all values for rank sums, of the Walsh averages
    (d_i + d_j) / 2, i <= j, of the pairs' differences d for signed ranks, and of the differences themselves for signs.
    An exact test of the hypothesis that the effect is θ counts how many of these exceed θ. So the values of θ that it
    does not reject, two-sided, are those between the C-th smallest and the C-th largest, with the largest C whose tail
    has a probability of at most 2.5 % (Hodges and Lehmann 1963; Hollander and Wolfe, Nonparametric statistical methods,
    1999, §3.3, §3.6 and §4.3). Ratios are differences of logarithms.

    Ends are included, which keeps the coverage where values tie (Noether 1967). Runs that both diverged say nothing
    about θ: as pairs they are left out; without pairs their difference is lower than any for the low end, and higher
    for the high end.
    """
    found, cut = _candidates(pair, kind)
    ordered = np.sort(found)  # NaN last
    unknown = int(np.isnan(found).sum())
    known = ordered[: len(ordered) - unknown]
    estimate, low, high = _middle(known), math.nan, math.nan
    if cut:
        low = float(known[cut - unknown - 1]) if cut > unknown else -math.inf
        high = float(known[unknown - cut]) if cut > unknown else math.inf
    if kind == "ratio":
        estimate, low, high = (_exponential(value) for value in (estimate, low, high))
    return Effect(estimate, low, high, kind)


def _candidates(pair: Match, kind: Kind) -> tuple[NDArray[np.float64], int]:
    """Return the differences that the interval ends at one of, and C; 0 if there are too few, or there is no test."""
    if pair.test in ("rank-sum", "none"):
        cut = 0 if pair.test == "none" else _rank_sum_cut(*pair.sizes)
        return distances(pair.own[:, None], pair.other[None, :], kind).ravel(), cut
    found = distances(pair.own, pair.other, kind)
    found = found[~np.isnan(found)]
    if pair.test == "sign":
        return found, _sign_cut(len(found))
    return _walsh_averages(found), _signed_rank_cut(len(found))


def _walsh_averages(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of all pairs, each value with itself included; NaN for opposite infinities."""
    first, second = _pairs(len(differences))
    with np.errstate(invalid="ignore"):
        return np.asarray(differences[first] / 2 + differences[second] / 2)


def _middle(ordered: NDArray[np.float64]) -> float:
    """Return the median of sorted values; NaN without any, or halfway between opposite infinities."""
    return median(ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1].tolist())


@lru_cache(maxsize=16)
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(count)


def _exponential(value: float) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.exp(value))


@lru_cache(maxsize=256)
def _sign_cut(count: int) -> int:
    return _count_below(sign_distribution((2,) * count))


@lru_cache(maxsize=256)
def _signed_rank_cut(count: int) -> int:
    return _count_below(sign_distribution(tuple(range(2, 2 * count + 2, 2))))


@lru_cache(maxsize=256)
def _rank_sum_cut(own: int, other: int) -> int:
    ranks = tuple(range(2, 2 * (own + other) + 2, 2))
    return _count_below(choice_distribution(ranks, own)[own * (own + 1) :])


def _count_below(probabilities: NDArray[np.float64]) -> int:
    """Return how many of the smallest sums of doubled ranks are in the lower tail of half of 1 − `CONFIDENCE`."""
    return int((np.cumsum(probabilities[::2]) <= (1 - CONFIDENCE) / 2).sum())
