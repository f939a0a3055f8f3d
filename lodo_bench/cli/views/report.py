"""Reports on a terminal: tables, verdicts and footnotes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from lodo_bench.cli.views.console import has_styles, print_lines, shown, terminal
from lodo_bench.cli.views.layout import Cell, Grid
from lodo_bench.cli.views.table import print_grid
from lodo_bench.cli.views.words import wrapped
from lodo_bench.report import markdown
from lodo_bench.report.empty_columns import without_empty_columns
from lodo_bench.report.section import ReportSection, Table, TableCell, TableRow

# Colors of the terminal's own palette, which are legible on its background, whether that is light or dark.
_STYLES: Mapping[str, str] = {"best": "bold green", "tied": "green", "better": "green", "worse": "red"}


def print_sections(sections: Iterable[ReportSection]) -> None:
    """Print the report on one task after another to the terminal of standard output."""
    console = terminal()
    for index, section in enumerate(sections):
        if index:
            print_lines([Text()], console)
        _print_section(section, console)


def _print_section(section: ReportSection, console: Console) -> None:
    print_lines([Text(shown(section.title, console), "bold underline"), Text()], console)
    print_grid(_grid(section.table, console), console)
    _print_list("", section.verdicts, console)
    if section.costs is not None:
        print_lines([Text(), Text("Cost", "bold")], console)
        print_grid(_grid(section.costs, console), console)
    _print_list("Hyperparameters", section.hyperparameters, console)
    notes = [Cell(note.text, "bold" if note.warning else "dim") for note in section.footnotes]
    print_lines([Text()], console)
    for note in notes:
        _print_paragraph(note, console)


def _print_list(title: str, texts: Sequence[str], console: Console) -> None:
    if texts:
        print_lines([Text(), *([Text(title, "bold")] if title else [])], console)
    for text in texts:
        _print_paragraph(Cell(text), console)


def _print_paragraph(cell: Cell, console: Console) -> None:
    lines = wrapped(shown(cell.text, console), console.width, shown("• ", console))
    print_lines([Text(line, cell.style) for line in lines], console)


def _grid(whole: Table, console: Console) -> Grid:
    table = without_empty_columns(whole)
    columns = [[row.cells[index] for row in table.rows] for index in range(len(table.heads))]
    marks = [max((len(_sign(cell)) for cell in column), default=0) for column in columns]
    return Grid(
        titles=[head.title for head in table.heads],
        numeric=[head.numeric for head in table.heads],
        rows=[_cells(row, marks, console) for row in table.rows],
    )


def _cells(row: TableRow, marks: Sequence[int], console: Console) -> list[Cell]:
    """Return the cells of a row, given the longest mark of each column."""
    first, *others = (_cell(cell, mark, console) for cell, mark in zip(row.cells, marks, strict=True))
    return [replace(first, style="italic") if row.is_bound else first, *others]


def _cell(cell: TableCell, longest_mark: int, console: Console) -> Cell:
    """Return a cell whose mark is a style where there are styles, and the sign of the markdown report besides."""
    text = markdown.MARKS[cell.mark].format(cell.text)
    if has_styles(console):
        text = text.replace("**", "")
    return Cell(text, _STYLES.get(cell.mark, ""), longest_mark - len(_sign(cell)))


def _sign(cell: TableCell) -> str:
    """Return the sign that the mark puts after the text, such as ` †`."""
    return markdown.MARKS[cell.mark].format("").replace("**", "")
