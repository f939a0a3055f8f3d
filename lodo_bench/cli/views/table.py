"""Tables on standard output: laid out for a terminal, or as markdown where there is none."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from lodo_bench.cli.encoding import writable
from lodo_bench.cli.views.console import print_lines, shown, terminal
from lodo_bench.cli.views.layout import Cell, Grid, table_lines
from lodo_bench.cli.views.words import wrapped
from lodo_bench.report import markdown
from lodo_bench.report.empty_columns import columns_with_content
from lodo_bench.spec.text import in_one_line, printable


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print a table to standard output: laid out for a terminal's width, or as markdown where there is no terminal.

    Columns of dashes are left out.

    Args:
        headers: the titles of the columns.
        rows: the cells. The first of each names the row.
        left: how many columns are aligned to the left; those with numbers are aligned to the right.
    """
    kept = columns_with_content(rows, len(headers))
    titles, cells = [headers[index] for index in kept], [[in_one_line(row[index]) for index in kept] for row in rows]
    left = sum(index < left for index in kept)
    if sys.stdout.isatty():
        numeric = [index >= left for index in range(len(kept))]
        print_grid(Grid(titles, numeric, [[Cell(text) for text in row] for row in cells]), terminal())
    else:
        encoding = getattr(sys.stdout, "encoding", None)
        fitting = [[writable(text, encoding) for text in row] for row in (titles, *cells)]
        print(markdown.table(fitting[0], fitting[1:], left=left))


def show_text(text: str) -> None:
    """Print a paragraph to standard output; on a terminal, its lines end between words."""
    if not sys.stdout.isatty():
        print(printable(text))
        return
    console = terminal()
    print_lines([Text(line) for line in wrapped(shown(text, console), console.width)], console)


def print_grid(grid: Grid, console: Console) -> None:
    """Print a table on a console, in characters that its encoding has."""
    print_lines(table_lines(fitting(grid, console), console.width, shown("─", console)), console)


def fitting(grid: Grid, console: Console) -> Grid:
    """Return the table in the characters that the console can show."""
    rows = [[replace(cell, text=shown(cell.text, console)) for cell in row] for row in grid.rows]
    return Grid([shown(title, console) for title in grid.titles], grid.numeric, rows)
