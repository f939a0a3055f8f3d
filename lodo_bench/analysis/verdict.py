"""Verdicts on a column: the rows that may be the best, or how each compares with a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.statistics import Effect, Kind, Sample, Standing, judge

Mark = Literal["", "best", "tied", "undecided", "better", "worse"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The test results of a column.

    Attributes:
        standings: by row; the effect is relative to the reference.
        reference: the row that the effects are relative to: the baseline, or the best of those that are not worse.
        kind: of the effects.
    """

    standings: Mapping[int, Standing]
    reference: int | None
    kind: Kind

    @property
    def has_baseline(self) -> bool:
        """True if each row is compared with a baseline, in place of all others."""
        return any(standing.state == "baseline" for standing in self.standings.values())

    @property
    def best(self) -> int | None:
        """The row called best; None if there is none."""
        return next((row for row, standing in self.standings.items() if standing.state == "best"), None)

    def mark(self, row: int) -> Mark:
        """Return the mark of a row: its state, but none for a baseline, a row alone, or one worse than others."""
        standing = self.standings.get(row)
        if standing is None or len(self.standings) < 2:
            return ""
        if standing.state == "baseline" or (standing.state == "worse" and not self.has_baseline):
            return ""
        return standing.state


def judge_column(column: ScoreColumn, samples: Mapping[int, Sample], baseline: int | None = None) -> Verdict:
    """Compare the rows that have a score in a column.

    Args:
        column: the score; tells if larger is better.
        samples: by row, the values of the score by replicate.
        baseline: the row to compare all others with; where it has no score, or none is given, each is compared with
            all others.
    """
    rows = list(samples)
    reference = rows.index(baseline) if baseline is not None and baseline in samples else None
    kind = _kind(column, samples)
    oriented = [_oriented(sample, column) for sample in samples.values()]
    found = judge(oriented, kind=kind, baseline=reference)
    return Verdict(
        standings={row: _restored(standing, column) for row, standing in zip(rows, found.standings, strict=True)},
        reference=None if found.reference is None else rows[found.reference],
        kind=kind,
    )


def _kind(column: ScoreColumn, samples: Mapping[int, Sample]) -> Kind:
    """Return `ratio` for scores that are positive and the smaller the better, such as most losses."""
    values = [value for sample in samples.values() for value in sample.values.values() if math.isfinite(value)]
    return "ratio" if not column.higher_is_better and min(values, default=0) > 0 else "difference"


def _oriented(sample: Sample, column: ScoreColumn) -> Sample:
    """Return a sample of which smaller is better."""
    if not column.higher_is_better:
        return sample
    return replace(sample, values={key: -value for key, value in sample.values.items()})


def _restored(standing: Standing, column: ScoreColumn) -> Standing:
    """Return a standing with the effect in the units of the score."""
    effect = standing.effect
    if effect is None or not column.higher_is_better:
        return standing
    return replace(standing, effect=Effect(-effect.estimate, -effect.high, -effect.low, effect.kind))
