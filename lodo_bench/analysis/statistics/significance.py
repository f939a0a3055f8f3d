"""Significance of differences between several optimizers, given a few runs of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lodo_bench.analysis.statistics.rank_tests import rank_sum, signed_rank

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """The runs of one optimizer.

    Attributes:
        values: by seed, the smaller the better; those that are not finite are diverged runs, worse than all others.
        data: the origin of the problems besides the seed. Runs of two samples with the same seed and equal `data` had
            the same problem, and can be paired.
    """

    values: Mapping[int, float]
    data: object = None


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
    values, floors, paired, unpaired = [], [], [], []
    for other in others:
        common = _common_seeds(sample, other)
        if common:
            values.append(signed_rank(_worst_last(sample, common), _worst_last(other, common)))
            floors.append(2.0 ** -len(common))
            paired.append((len(common), len(common)))
        else:
            own, its = len(sample.values), len(other.values)
            values.append(rank_sum(_worst_last(sample, sample.values), _worst_last(other, other.values)))
            floors.append(1 / math.comb(own + its, own))
            unpaired.append((own, its))
    return ComparisonResult(simes(values), simes(floors), tuple(paired), tuple(unpaired))


def simes(values: Sequence[float]) -> float:
    """Combine p-values into that of the hypothesis that all of theirs hold; 1 if there are none (Simes 1986).

    Holds for independent tests and for such as tend to agree, as those of one sample against many others do.
    """
    return min((len(values) * p / rank for rank, p in enumerate(sorted(values), 1)), default=1.0)


def _common_seeds(one: Sample, other: Sample) -> list[int]:
    """Return the seeds to pair by: those in both, if they are most of the smaller sample and had the same data."""
    common = sorted(one.values.keys() & other.values.keys())
    most = 2 * len(common) > min(len(one.values), len(other.values))
    return common if most and one.data == other.data else []


def _worst_last(sample: Sample, seeds: Sequence[int] | Mapping[int, float]) -> list[float]:
    return [value if math.isfinite(value := sample.values[seed]) else math.inf for seed in seeds]
