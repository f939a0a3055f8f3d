"""Exact one-sided rank tests, with ties and with values that are not finite.

SciPy's exact tests know no ties, and its others are approximations that 8 runs are too few for. The distributions are
those of the ranks that are there, mid-ranks for equal values, so that ties need no correction. A run that diverged is
`math.inf`: worse than any that did not, and equal to another that did.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Losses that differ by less, relative to their size, are equal: the order of a sum changes them by as much.
ROUNDING = 1e-9


def signed_rank(larger: Sequence[float], smaller: Sequence[float]) -> float:
    """Return p of Wilcoxon's exact one-sided signed-rank test that `larger` is no larger than `smaller`, in pairs.

    Under the hypothesis the sign of each pair's difference is a coin's toss. p is the share of the 2ⁿ outcomes whose
    sum of positive ranks is at least the one found; pairs that are equal say nothing and are left out (Wilcoxon 1945).

    Returns:
        p in (0, 1]; 1 if no pair differs. The smallest possible is 2⁻ⁿ.
    """
    difference = _differences(np.asarray(larger, dtype=np.float64), np.asarray(smaller, dtype=np.float64))
    difference = difference[difference != 0]
    ranks = _doubled_ranks(np.abs(difference))
    found = int(ranks[difference > 0].sum())
    return _at_least(_sign_distribution(tuple(sorted(ranks.tolist()))), found)


def rank_sum(larger: Sequence[float], smaller: Sequence[float]) -> float:
    """Return p of Mann and Whitney's exact one-sided rank-sum test that `larger` is no larger than `smaller`.

    Under the hypothesis every choice of which runs are whose is equally likely. p is the share of the choices whose
    sum of ranks is at least the one found.

    Returns:
        p in (0, 1]. The smallest possible is 1 / (n + m choose n).
    """
    together = _merged(np.array([*larger, *smaller], dtype=np.float64))
    ranks = _doubled_ranks(together)
    found = int(ranks[: len(larger)].sum())
    return _at_least(_choice_distribution(tuple(sorted(ranks.tolist())), len(larger)), found)


def _differences(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", over="ignore"):
        difference = first - second
    same = (first == second) | np.isclose(first, second, rtol=ROUNDING, atol=0)
    return np.where(same, 0.0, difference)


def _merged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values, with those that differ by rounding only set to the smallest of them."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.append(True, _differences(ordered[1:], ordered[:-1]) != 0)[: len(ordered)]
    merged = np.empty_like(values)
    merged[order] = ordered[new][np.cumsum(new) - 1]
    return merged


def _doubled_ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return twice the mid-ranks, which are integers."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (2 * np.cumsum(counts) - counts + 1)[where].astype(np.int64)


def _at_least(probabilities: NDArray[np.float64], found: int) -> float:
    return min(float(probabilities[found:].sum()), 1.0)


@lru_cache(maxsize=256)
def _sign_distribution(ranks: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the probability of every sum of ranks, each chosen by a fair coin."""
    probabilities = np.zeros(sum(ranks) + 1)
    probabilities[0] = 1.0
    for rank in ranks:
        heads = np.zeros_like(probabilities)
        heads[rank:] = probabilities[: len(probabilities) - rank]
        probabilities = (probabilities + heads) / 2
    return probabilities


@lru_cache(maxsize=256)
def _choice_distribution(ranks: tuple[int, ...], size: int) -> NDArray[np.float64]:
    """Return the probability of every sum of `size` ranks chosen at random."""
    ways = np.zeros((size + 1, sum(ranks) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    return np.asarray(ways[size] / ways[size].sum())
