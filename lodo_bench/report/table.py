"""A report's content, before it has a format: what the writers of markdown, LaTeX and HTML are given."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.analysis.verdict import Mark


@dataclass(frozen=True, slots=True)
class Head:
    """A column's title; `numeric` ones are aligned to the right."""

    title: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        text: what it says, without any markup.
        value: what it is sorted by; None for nothing.
        mark: whether it is of the best row of the column, or of one that may be.
    """

    text: str
    value: float | None = None
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table; that of a bound, which is no optimizer, is an `aside`."""

    cells: tuple[Cell, ...]
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Titles and lines, as many cells in each as there are titles."""

    heads: tuple[Head, ...]
    lines: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A line of text beneath a table; a `warning` must not be overlooked."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class ReportSection:
    """The report on one task.

    Attributes:
        title: the task.
        table: the comparison.
        verdicts: what it comes to, in sentences.
        hyperparameters: those of each row.
        notes: how everything was measured and computed, what it cost, and where it ran.
    """

    title: str
    table: Table
    verdicts: tuple[str, ...]
    hyperparameters: tuple[str, ...]
    notes: tuple[Note, ...]
