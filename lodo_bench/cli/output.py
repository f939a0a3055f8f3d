"""Output on standard output and standard error."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lodo_bench.errors import Interrupted

SCHEMA = 1


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document to standard output."""
    print(as_json(document))


def as_json(document: Mapping[str, Any]) -> str:
    """Return a JSON document. Numbers that are not finite become null: JSON has no others."""
    return json.dumps({"schema": SCHEMA, **_finite(document)}, indent=2, allow_nan=False, ensure_ascii=False)


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
    """Print a message to standard error."""
    print(message, file=sys.stderr, flush=True)


def command_line() -> str:
    """Return the command that the user typed."""
    return shlex.join(["lodo-bench", *sys.argv[1:]])


@contextmanager
def resumable() -> Iterator[None]:
    """Turn an interrupt inside the block into an error that says how to resume.

    Raises:
        Interrupted: with the command to type; `--fresh` is left out of it, as it would discard what is stored.
    """
    try:
        yield
    except KeyboardInterrupt:
        arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
        command = shlex.join(["lodo-bench", *arguments])
        raise Interrupted(f"interrupted; everything finished is stored. Rerun to resume:\n  {command}") from None


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
