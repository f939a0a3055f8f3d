"""Columns that say nothing: they have a dash in every row, and readers are spared them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lodo_bench.report.formatting import NOTHING
from lodo_bench.report.section import Table


def without_empty_columns(table: Table) -> Table:
    """Return the table without its columns of dashes. Files for programs keep all columns."""
    kept = columns_with_content([[cell.text for cell in row.cells] for row in table.rows], len(table.heads))
    return Table(
        heads=tuple(table.heads[index] for index in kept),
        rows=tuple(replace(row, cells=tuple(row.cells[index] for index in kept)) for row in table.rows),
    )


def columns_with_content(rows: Iterable[Sequence[str]], count: int) -> list[int]:
    """Return the indices of the columns that have a text besides dashes; the first column always counts.

    Args:
        rows: the texts of the cells. Without rows, all columns count.
        count: the number of columns.
    """
    texts = list(rows)
    return [i for i in range(count) if i == 0 or not texts or any(row[i] not in ("", NOTHING) for row in texts)]
