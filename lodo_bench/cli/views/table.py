"""Tables on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lodo_bench.report import markdown


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print a table to standard output: fitted to a terminal's width, or as markdown where there is no terminal.

    The first `left` columns are aligned to the left, numbers to the right.
    """
    if not sys.stdout.isatty():
        print(markdown.table(headers, rows, left=left))
        return
    fitted = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, header in enumerate(headers):
        fitted.add_column(Text(header), justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        fitted.add_row(*(Text(cell) for cell in row))
    Console().print(fitted)
