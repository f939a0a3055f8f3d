"""Exact rank tests, with ties and with values that are not finite.

SciPy's exact tests know no ties, and its others are approximations that 8 runs are too few for. The distributions are
those of the ranks that are there, mid-ranks for equal values, so that ties need no correction. A run that diverged is
`math.inf`: worse than any that did not, and equal to another that did.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Losses that differ by less, relative to their size, are equal: the order of a sum changes them by as much.
ROUNDING = 1e-9


class Tails(NamedTuple):
    """The two one-sided p-values of rank tests.

    Attributes:
        larger: of the hypothesis that the first values are no larger than the second; small if they are larger.
        smaller: of the hypothesis that they are no smaller.
    """

    larger: NDArray[np.float64]
    smaller: NDArray[np.float64]


def signed_rank(differences: NDArray[np.float64]) -> Tails:
    """Return p of Wilcoxon's exact signed-rank test that differences are symmetric about a value on one side of 0.

    Under the hypothesis the sign of each difference is a coin's toss. p is the share of the 2ⁿ outcomes whose sum of
    positive ranks is at least, or at most, the one found; differences that are 0 or NaN say nothing and are left out
    (Wilcoxon 1945). Of differences that are all 1 or −1, it is the sign test.

    Args:
        differences: those of one test, or of several of the same size, (..., n).

    Returns:
        p in (0, 1]; 1 if nothing differs. The smallest possible is 2⁻ⁿ.
    """
    sizes = np.abs(differences)
    told = sizes > 0
    ranks = np.where(told, _doubled_ranks(np.where(told, sizes, np.nan)), 0)  # NaN is ranked last
    found = np.where(differences > 0, ranks, 0).sum(axis=-1)
    return _tails(lambda known: sign_distribution(tuple(rank for rank in known if rank)), ranks, found)


def rank_sum(one: NDArray[np.float64], other: NDArray[np.float64]) -> Tails:
    """Return p of Mann and Whitney's exact rank-sum test that `one` is no larger, or no smaller, than `other`.

    Under the hypothesis every choice of which values are whose is equally likely. p is the share of the choices whose
    sum of ranks is at least, or at most, the one found (Mann and Whitney 1947).

    Args:
        one: the values of one test, or of several of the same size, (..., n).
        other: those that they are compared with, (..., m).

    Returns:
        p in (0, 1]. The smallest possible is 1 / (n + m choose n).
    """
    size = one.shape[-1]
    ranks = _doubled_ranks(np.concatenate([one, other], axis=-1), equal)
    return _tails(lambda known: choice_distribution(known, size), ranks, ranks[..., :size].sum(axis=-1))


def equal(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return True where two values are the same up to rounding, or both infinite."""
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(one - other) <= ROUNDING * np.minimum(np.abs(one), np.abs(other))
    return np.asarray(close | (one == other))


def _doubled_ranks(
    values: NDArray[np.float64],
    are_tied: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]] = np.equal,
) -> NDArray[np.int64]:
    """Return twice the mid-ranks along the last axis, which are integers; tied are neighbors in rising order."""
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    is_new = ~are_tied(ordered[..., 1:], ordered[..., :-1])
    places = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    edge = np.ones((*values.shape[:-1], min(values.shape[-1], 1)), dtype=np.bool_)
    first = np.where(np.concatenate([edge, is_new], axis=-1), places, 0)
    last = np.where(np.concatenate([is_new, edge], axis=-1), places, values.shape[-1])
    first = np.maximum.accumulate(first, axis=-1)
    last = np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, first + last + 2, axis=-1)
    return ranks


def _tails(
    distribution: Callable[[tuple[int, ...]], NDArray[np.float64]], ranks: NDArray[np.int64], found: NDArray[np.int64]
) -> Tails:
    """Return the tails of the distributions that tests with these ranks have, from the sums found.

    Most of many tests have the same ranks, and sums that others have, too: each combination is looked up once.
    """
    combinations, which = _distinct(np.sort(ranks, axis=-1).reshape(found.size, ranks.shape[-1]))
    order = np.argsort(which, kind="stable")
    ends = np.cumsum(np.bincount(which, minlength=len(combinations)))
    tails = np.empty((found.size, 2))
    for known, tests in zip(combinations.tolist(), np.split(order, ends[:-1]), strict=True):
        probabilities = distribution(tuple(known))
        totals, each = np.unique(found.ravel()[tests], return_inverse=True)
        tails[tests] = np.array([(probabilities[t:].sum(), probabilities[: t + 1].sum()) for t in totals.tolist()])[
            each
        ]
    larger, smaller = np.minimum(tails, 1.0).T
    return Tails(larger.reshape(found.shape), smaller.reshape(found.shape))


def _distinct(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the distinct rows of a matrix, at least one, and which of them each row is; bytes are sorted fast."""
    if not rows.shape[1]:
        return rows[:1], np.zeros(len(rows), dtype=np.intp)
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first], which


@lru_cache(maxsize=256)
def sign_distribution(ranks: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the probability of every sum of ranks, each chosen by a fair coin."""
    probabilities = np.zeros(sum(ranks) + 1)
    probabilities[0] = 1.0
    for rank in ranks:
        heads = np.zeros_like(probabilities)
        heads[rank:] = probabilities[: len(probabilities) - rank]
        probabilities = (probabilities + heads) / 2
    return probabilities


@lru_cache(maxsize=256)
def choice_distribution(ranks: tuple[int, ...], size: int) -> NDArray[np.float64]:
    """Return the probability of every sum of `size` ranks chosen at random."""
    ways = np.zeros((size + 1, sum(ranks) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    return np.asarray(ways[size] / ways[size].sum())
