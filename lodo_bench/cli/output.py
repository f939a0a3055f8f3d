"""What goes to standard output and standard error."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from lodo_bench.files.json import as_json


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document to standard output."""
    print(as_json(document))


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print a table to standard output: fitted to a terminal's width, or as markdown where there is no terminal.

    The first `left` columns are aligned to the left, numbers to the right.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lodo_bench.report.markdown import table

    if not sys.stdout.isatty():
        print(table(headers, rows, left=left))
        return
    fitted = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, header in enumerate(headers):
        fitted.add_column(Text(header), justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        fitted.add_row(*(Text(cell) for cell in row))
    Console().print(fitted)


def echo_err(message: str) -> None:
    """Say something to the person, on standard error."""
    print(message, file=sys.stderr, flush=True)


def command_line() -> str:
    """The command as the user may type it again."""
    return shlex.join(["lodo-bench", *sys.argv[1:]])
