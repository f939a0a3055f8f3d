"""Verdicts on a column: the rows that may be the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.statistics import ComparisonResult, Sample, compare_with_all, summarize
from lodo_bench.spec.compute import ComputeSpec

Mark = Literal["", "best", "tied", "undecided"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The test results of a column.

    Attributes:
        standings: by row, the result of its comparison with all others.
        best: the row of the best mean among those that may be the best and of which less than half of the runs
            diverged; None if there is none.
    """

    standings: Mapping[int, ComparisonResult]
    best: int | None

    @property
    def has_power(self) -> bool:
        """True if this number of runs could have shown any row to be worse."""
        return any(standing.has_power for standing in self.standings.values())

    def mark(self, row: int) -> Mark:
        """Return the mark of a row: `best`, `tied` with it, `undecided` for want of runs, or none if it is worse."""
        standing = self.standings.get(row)
        if standing is None or not self.has_power or not standing.may_be_best:
            return ""
        if row == self.best:
            return "best"
        return "tied" if standing.has_power else "undecided"


def mark_best(column: ScoreColumn, rows: Mapping[int, tuple[Mapping[int, float], ComputeSpec]]) -> Verdict:
    """Compare the rows that have a score in a column.

    Args:
        column: the score; tells if larger is better.
        rows: by row, the values by seed and where they were computed. Runs of the same seed, device and dtype have
            the same random numbers, and with them the same data, so that they can be paired.
    """
    sign = -1.0 if column.higher_is_better else 1.0
    samples = [
        Sample({seed: sign * value for seed, value in values.items()}, (compute.device, compute.dtype))
        for values, compute in rows.values()
    ]
    standings = dict(zip(rows, compare_with_all(samples), strict=True))
    means = {}
    for (row, standing), sample in zip(standings.items(), samples, strict=True):
        summary = summarize(sample.values.values())
        if standing.may_be_best and summary.count > summary.diverged:
            means[row] = summary.mean
    return Verdict(standings, min(means, key=means.__getitem__, default=None))
