"""Planned comparisons with one optimizer, in place of all with all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lodo_bench.analysis.comparison import Comparison, samples_of
from lodo_bench.analysis.verdict import judge_column
from lodo_bench.errors import UnknownNameError, UsageError


def with_baseline(comparisons: Sequence[Comparison], name: str) -> list[Comparison]:
    """Compare all rows with those of one optimizer, in the comparisons that have it.

    Args:
        comparisons: of any tasks.
        name: of an optimizer, or the label of a row.

    Raises:
        UnknownNameError: if no comparison has such a row.
        UsageError: if one has several.
    """
    found = [_row_of(comparison, name) for comparison in comparisons]
    if all(row is None for row in found):
        known = dict.fromkeys(row.optimizer.label for comparison in comparisons for row in comparison.rows)
        raise UnknownNameError("baseline", name, known, of="these results")
    return [
        comparison if row is None else _compared(comparison, row)
        for comparison, row in zip(comparisons, found, strict=True)
    ]


def _compared(comparison: Comparison, baseline: int) -> Comparison:
    verdicts = {
        column: judge_column(column, samples_of(comparison.rows, column), baseline) for column in comparison.columns
    }
    return replace(comparison, verdicts=verdicts, baseline=baseline)


def _row_of(comparison: Comparison, name: str) -> int | None:
    labels, rows = comparison.labels, comparison.rows
    if name in labels:
        return labels.index(name)
    matching = [index for index, row in enumerate(rows) if name in (row.optimizer.label, row.optimizer.name)]
    if len(matching) > 1:
        raise UsageError(
            f"several rows on {comparison.task.label} are of the baseline {name}: "
            f"{'; '.join(labels[index] for index in matching)}. Name one of them, or select fewer runs."
        )
    return matching[0] if matching else None
