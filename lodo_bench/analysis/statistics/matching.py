"""Samples, matched in pairs for a comparison: the test that their replicates admit, and its result."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics.rank_tests import Tails, equal, rank_sum, signed_rank
from lodo_bench.analysis.statistics.sample import Kind, Sample

TestName = Literal["signed-rank", "rank-sum", "sign", "none"]
_VALUES_AT_ONCE = 2**18  # of pairs of samples: their tests take some tens of MB


@dataclass(frozen=True, slots=True)
class Match:
    """The values of two samples that a test compares, infinite where a run diverged; or of many pairs of samples.

    Attributes:
        test: its name.
        own, other: the values, along the last axis: in pairs for `signed-rank`, a single one of one of the two for
            `sign`, else any numbers.
    """

    test: TestName
    own: NDArray[np.float64]
    other: NDArray[np.float64]

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of values, (own, other's)."""
        return self.own.shape[-1], self.other.shape[-1]

    @property
    def floor(self) -> float:
        """The smallest one-sided p that this number of values can yield; 1 without a test."""
        if self.test == "none":
            return 1.0
        if self.test == "rank-sum":
            return 1 / math.comb(sum(self.sizes), self.sizes[0])
        return 2.0 ** -max(self.sizes)

    def tails(self, kind: Kind) -> Tails:
        """Return the one-sided p-values of the test; both are 1 without one.

        Args:
            kind: signed ranks are those of the logarithms' differences for ratios, else of the values'.
        """
        if self.test == "none":
            return Tails(*np.ones((2, *self.own.shape[:-1])))
        if self.test == "rank-sum":
            return rank_sum(self.own, self.other)
        found = distances(self.own, self.other, kind)
        return signed_rank(np.sign(found) if self.test == "sign" else found)


def match(one: Sample, other: Sample) -> Match:
    """Match two samples by what is random in them.

    - Seeds of both: pairs of runs with the same seed, by signed ranks, if most seeds of the smaller sample pair and the
      data are equal; else all runs, by rank sums.
    - Searches of both: all searches, by rank sums: they are independent.
    - A constant and replicates: how many of these are larger and smaller, by the sign test. Signed ranks would need
      values that scatter symmetrically about their median; pairs of runs do so if the optimizers are equally good.
    - Searches and seeds: pairs of a search and the mean of the same seeds of the other, by the sign test likewise, if
      there are two or more. Each pair has seeds of its own, so pairs are independent.
    - Two constants: no test. Seeds do not tell how far another search would be off.
    """
    test, replicates = _rule(one, other)
    return Match(test, *(_values(sample, replicates, (one, other)) for sample in (one, other)))


def match_all(samples: Sequence[Sample]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], Match]]:
    """Match every two samples as `match` does, many pairs at a time.

    Yields:
        The indices i and j > i of the samples of some pairs, and the values of these, (number of pairs, ...).
    """
    alike: dict[Hashable, list[int]] = {}
    for index, sample in enumerate(samples):
        alike.setdefault(sample.layout, []).append(index)
    for first, second in product(map(np.array, alike.values()), repeat=2):
        i, j = np.nonzero(first[:, None] < second)
        if not len(i):
            continue
        one, other = samples[first[0]], samples[second[0]]
        test, replicates = _rule(one, other)
        own, others = (
            np.array([_values(samples[index], replicates, (one, other)) for index in indices])
            for indices in (first, second)
        )
        pairs_at_once = _VALUES_AT_ONCE // (own.shape[1] + others.shape[1] + 1) + 1
        for begin in range(0, len(i), pairs_at_once):
            part = slice(begin, begin + pairs_at_once)
            yield first[i[part]], second[j[part]], Match(test, own[i[part]], others[j[part]])


def distances(one: NDArray[np.float64], other: NDArray[np.float64], kind: Kind) -> NDArray[np.float64]:
    """Return the differences of values, or for ratios of their logarithms: 0 for equal values, NaN if both diverged."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        found = np.log(one) - np.log(other) if kind == "ratio" else one - other
    found = np.where(equal(one, other), 0.0, found)
    return np.where(np.isinf(one) & np.isinf(other), np.nan, found)


def _rule(one: Sample, other: Sample) -> tuple[TestName, list[int] | None]:
    """Return the test that two samples admit and the replicates that it pairs, None for all of each.

    They depend on the layouts of the samples only, not on their values.
    """
    if not one.values or not other.values:
        return "none", None
    if one.is_constant or other.is_constant:
        return "none" if one.is_constant and other.is_constant else "sign", None
    if one.unit != other.unit:
        blocks = _common_blocks(one, other)
        return ("sign", blocks) if len(blocks) > 1 and one.data == other.data else ("none", None)
    if one.unit == "seed" and (common := _common_seeds(one, other)):
        return "signed-rank", common
    return "rank-sum", None


def _values(sample: Sample, replicates: list[int] | None, pair: tuple[Sample, Sample]) -> NDArray[np.float64]:
    """Return the values of a sample that are compared: of seeds that pair with searches, the means of their blocks."""
    searched = next((each for each in pair if each.unit == "search"), None)
    if replicates is None or searched is None or sample.unit == "search":
        return sample.ranked(replicates)
    means = sample.over_blocks(searched.blocks)
    return np.array([means[block] for block in replicates])


def _common_blocks(one: Sample, other: Sample) -> list[int]:
    """Return the searches of one of two samples of which the other, of seeds, has all seeds."""
    searched, seeded = (one, other) if one.unit == "search" else (other, one)
    return sorted(seeded.over_blocks(searched.blocks).keys() & searched.values.keys())


def _common_seeds(one: Sample, other: Sample) -> list[int]:
    """Return the seeds to pair by: those in both, if they are most of the smaller sample and had the same data."""
    common = sorted(one.values.keys() & other.values.keys())
    most = 2 * len(common) > min(len(one.values), len(other.values))
    return common if most and one.data == other.data else []
