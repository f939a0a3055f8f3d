"""The values of one optimizer that are compared with those of others."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics.summary import majority_mean

Kind = Literal["ratio", "difference"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one optimizer, one for each replicate.

    Attributes:
        values: by replicate, a seed or the seed of a search, the smaller the better; those that are not finite are
            diverged runs, worse than all others.
        data: the origin of the problems besides the seed. Runs of two samples with the same seed and equal `data` had
            the same problem, and can be paired.
        unit: the replicates: the seeds of runs with the same hyperparameters, or independent searches.
        blocks: of searches, the seeds of the final runs at the result of each.
        is_constant: True if nothing in the runs is random: every replicate would have the same value, and if several
            are given, the first counts.
    """

    values: Mapping[int, float]
    data: Hashable = None
    unit: Literal["seed", "search"] = "seed"
    is_constant: bool = False
    blocks: Mapping[int, Collection[int]] = field(default_factory=dict)

    @property
    def layout(self) -> Hashable:
        """All but the values themselves: samples of equal layouts are compared in the same way."""
        blocks = frozenset((search, frozenset(seeds)) for search, seeds in self.blocks.items())
        return tuple(self.values), self.data, self.unit, self.is_constant, blocks

    def ranked(self, replicates: Iterable[int] | None = None) -> NDArray[np.float64]:
        """Return the values of some replicates, by default of all that differ, with infinity for diverged runs."""
        if replicates is None:
            replicates = list(self.values)[: 1 if self.is_constant else None]
        found = [self.values[replicate] for replicate in replicates]
        return np.array([value if math.isfinite(value) else math.inf for value in found], dtype=np.float64)

    def over_blocks(self, blocks: Mapping[int, Collection[int]]) -> dict[int, float]:
        """Return the means of blocks of seeds (`majority_mean`), for those blocks of which all seeds are there."""
        return {
            block: majority_mean([self.values[seed] for seed in seeds])
            for block, seeds in blocks.items()
            if seeds and all(seed in self.values for seed in seeds)
        }
