"""Exact rank tests, with ties and with values that are not finite.

SciPy's exact tests know no ties, and its others are approximations that 8 runs are too few for. The distributions are
those of the ranks that are there, mid-ranks for equal values, so that ties need no correction. A run that diverged is
`math.inf`: worse than any that did not, and equal to another that did.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Losses that differ by less, relative to their size, are equal: the order of a sum changes them by as much.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Tails:
    """The two one-sided p-values of a rank test.

    Attributes:
        larger: of the hypothesis that the first values are no larger than the second; small if they are larger.
        smaller: of the hypothesis that they are no smaller.
    """

    larger: float = 1.0
    smaller: float = 1.0


def signed_rank(differences: NDArray[np.float64]) -> Tails:
    """Return p of Wilcoxon's exact signed-rank test that differences are symmetric about a value on one side of 0.

    Under the hypothesis the sign of each difference is a coin's toss. p is the share of the 2ⁿ outcomes whose sum of
    positive ranks is at least, or at most, the one found; differences that are 0 or NaN say nothing and are left out
    (Wilcoxon 1945). Of differences that are all 1 or −1, it is the sign test.

    Returns:
        p in (0, 1]; 1 if nothing differs. The smallest possible is 2⁻ⁿ.
    """
    differences = differences[(differences != 0) & ~np.isnan(differences)]
    ranks = _doubled_ranks(np.abs(differences))
    return _tails(sign_distribution(tuple(sorted(ranks.tolist()))), int(ranks[differences > 0].sum()))


def rank_sum(one: NDArray[np.float64], other: NDArray[np.float64]) -> Tails:
    """Return p of Mann and Whitney's exact rank-sum test that `one` is no larger, or no smaller, than `other`.

    Under the hypothesis every choice of which values are whose is equally likely. p is the share of the choices whose
    sum of ranks is at least, or at most, the one found (Mann and Whitney 1947).

    Returns:
        p in (0, 1]. The smallest possible is 1 / (n + m choose n).
    """
    ranks = _doubled_ranks(_merged(np.concatenate([one, other])))
    found = int(ranks[: len(one)].sum())
    return _tails(choice_distribution(tuple(sorted(ranks.tolist())), len(one)), found)


def equal(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return True where two values are the same up to rounding, or both infinite."""
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(one - other) <= ROUNDING * np.minimum(np.abs(one), np.abs(other))
    return np.asarray(close | (one == other))


def _merged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values, with those that differ by rounding only set to the smallest of them."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.append(True, ~equal(ordered[1:], ordered[:-1]))[: len(ordered)]
    merged = np.empty_like(values)
    merged[order] = ordered[new][np.cumsum(new) - 1]
    return merged


def _doubled_ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return twice the mid-ranks, which are integers."""
    ordered = np.sort(values)
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray(below + up_to + 1, dtype=np.int64)


def _tails(probabilities: NDArray[np.float64], found: int) -> Tails:
    return Tails(*(min(float(part.sum()), 1.0) for part in (probabilities[found:], probabilities[: found + 1])))


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
