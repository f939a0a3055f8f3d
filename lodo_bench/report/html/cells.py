"""The cells of tables as HTML.

They are most of the text of a large page: a template would take ten times as long to fill them in one by one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup, escape

from lodo_bench.analysis.verdict import Mark
from lodo_bench.report.section import ColumnHead, Table, TableCell, TableRow

_MARK_SUFFIXES: Mapping[Mark, str] = {
    "": "",
    "best": "",
    "tied": " †",
    "undecided": " ?",
    "better": " ▲",
    "worse": " ▼",
}


def cells(row: TableRow, table: Table) -> Markup:
    """Return the cells of a row of a table, a line for each; the first one is the heading of the row."""
    pairs = zip(table.heads, row.cells, strict=True)
    return Markup("\n").join(_cell(head, cell, "td" if index else "th") for index, (head, cell) in enumerate(pairs))


def _cell(head: ColumnHead, cell: TableCell, tag: str) -> Markup:
    attributes = ' scope="row"' if tag == "th" else ""
    if head.numeric:
        kind = f"number {cell.mark}" if cell.mark else "number"
        attributes += f' class="{kind}" data-value="{_sort_key(cell.value)}"'
    return Markup(f"<{tag}{attributes}>{escape(cell.text)}{_MARK_SUFFIXES[cell.mark]}</{tag}>")


def _sort_key(value: float | None) -> str:
    """Return the sort key of a cell; empty if it has no number."""
    return "" if value is None or math.isnan(value) else repr(float(value)).replace("inf", "Infinity")
