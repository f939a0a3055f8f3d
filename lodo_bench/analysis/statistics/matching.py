"""Two samples, matched for a comparison: the test that their replicates admit, and its result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics.rank_tests import Tails, equal, rank_sum, signed_rank
from lodo_bench.analysis.statistics.sample import Kind, Sample

TestName = Literal["signed-rank", "rank-sum", "sign", "none"]


@dataclass(frozen=True, slots=True)
class Match:
    """The values of two samples that a test compares, infinite where a run diverged.

    Attributes:
        test: its name.
        own, other: the values: in pairs for `signed-rank`, a single one of one of the two for `sign`, else any numbers.
    """

    test: TestName
    own: NDArray[np.float64]
    other: NDArray[np.float64]

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of values, (own, other's)."""
        return len(self.own), len(self.other)

    @property
    def floor(self) -> float:
        """The smallest one-sided p that this number of values can yield; 1 without a test."""
        if self.test == "none":
            return 1.0
        if self.test == "rank-sum":
            return 1 / math.comb(sum(self.sizes), len(self.own))
        return 2.0 ** -max(self.sizes)

    def tails(self, kind: Kind) -> Tails:
        """Return the one-sided p-values of the test; both are 1 without one.

        Args:
            kind: signed ranks are those of the logarithms' differences for ratios, else of the values'.
        """
        if self.test == "none":
            return Tails()
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
    if not one.values or not other.values:
        return _whole("none", one, other)
    if one.is_constant or other.is_constant:
        name: TestName = "none" if one.is_constant and other.is_constant else "sign"
        return _whole(name, one, other)
    if one.unit != other.unit:
        return _by_blocks(one, other)
    if one.unit == "seed" and (common := _common_seeds(one, other)):
        return Match("signed-rank", one.ranked(common), other.ranked(common))
    return _whole("rank-sum", one, other)


def distances(one: NDArray[np.float64], other: NDArray[np.float64], kind: Kind) -> NDArray[np.float64]:
    """Return the differences of values, or for ratios of their logarithms: 0 for equal values, NaN if both diverged."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        found = np.log(one) - np.log(other) if kind == "ratio" else one - other
    found = np.where(equal(one, other), 0.0, found)
    return np.where(np.isinf(one) & np.isinf(other), np.nan, found)


def _by_blocks(one: Sample, other: Sample) -> Match:
    searched, seeded = (one, other) if one.unit == "search" else (other, one)
    means = seeded.over_blocks(searched.blocks)
    common = sorted(means.keys() & searched.values.keys())
    if len(common) < 2 or one.data != other.data:
        return _whole("none", one, other)
    searches, seeds = searched.ranked(common), np.array([means[block] for block in common])
    pair = (searches, seeds) if searched is one else (seeds, searches)
    return Match("sign", *pair)


def _whole(test: TestName, one: Sample, other: Sample) -> Match:
    return Match(test, one.ranked(), other.ranked())


def _common_seeds(one: Sample, other: Sample) -> list[int]:
    """Return the seeds to pair by: those in both, if they are most of the smaller sample and had the same data."""
    common = sorted(one.values.keys() & other.values.keys())
    most = 2 * len(common) > min(len(one.values), len(other.values))
    return common if most and one.data == other.data else []
