"""Significance of differences between several optimizers, given a few runs of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lodo_bench.analysis.statistics.matching import match
from lodo_bench.analysis.statistics.sample import Sample
from lodo_bench.analysis.statistics.simes import LEVEL, simes


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The result of testing one sample against all others.

    Attributes:
        p: of the hypothesis that no other is better, corrected for the number of others; 1 if there is none.
        min_attainable_p: the smallest p that this number of runs can yield.
        paired, unpaired: the numbers of runs compared, (own, other's), for each test of either kind; for pairs both are
            the number of pairs.
    """

    p: float
    min_attainable_p: float
    paired: tuple[tuple[int, int], ...] = field(default=())
    unpaired: tuple[tuple[int, int], ...] = field(default=())

    @property
    def may_be_best(self) -> bool:
        """True if no other is significantly better."""
        return self.p > LEVEL

    @property
    def has_power(self) -> bool:
        """True if this number of runs can yield a significant result."""
        return self.min_attainable_p <= LEVEL


def compare_with_all(samples: Sequence[Sample]) -> list[ComparisonResult]:
    """Test each sample against each other for being worse.

    The hypothesis of a sample is that no other is better. It is tested with one exact one-sided rank test against each
    other, signed-rank for pairs and rank-sum where most seeds do not pair, put together by Simes' inequality: of m
    values of p in rising order, min over r of m p₍ᵣ₎ / r. So one that is really the best is called worse with a
    probability of at most `LEVEL`, whatever the number of others. No sample is singled out as the best beforehand:
    testing against the one that came out first would favor that one for its luck.

    Returns:
        One for each sample, in order.
    """
    return [_against(sample, [s for j, s in enumerate(samples) if j != i]) for i, sample in enumerate(samples)]


def _against(sample: Sample, others: Sequence[Sample]) -> ComparisonResult:
    values, floors = [], []
    paired: list[tuple[int, int]] = []
    unpaired: list[tuple[int, int]] = []
    for other in others:
        pair = match(sample, other)
        values.append(pair.tails("difference").larger)
        floors.append(pair.floor)
        (paired if pair.test == "paired signed-rank" else unpaired).append(pair.sizes)
    return ComparisonResult(simes(values), simes(floors), tuple(paired), tuple(unpaired))
