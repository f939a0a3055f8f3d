"""`lodo-bench export`: what is stored, as tables for other programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, choice, open_store
from lodo_bench.cli.output import echo_err
from lodo_bench.errors import UsageError
from lodo_bench.files.atomic import open_output
from lodo_bench.report.formats import format_of

_TABLES = ("runs", "individuals", "curves", "metrics")
_FORMATS: Mapping[str, tuple[str, ...]] = {"csv": (".csv",), "json": (".json",), "parquet": (".parquet",)}


def export(
    what: Annotated[str, typer.Argument(help="runs, individuals (of searches), curves or metrics.", metavar="WHAT")],
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(_FORMATS)}. By default what the output file's ending says, else csv.",
            metavar="FORMAT",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Write to a file, not to standard output.", metavar="FILE", show_default=False)
    ] = None,
    task: Annotated[str | None, typer.Option(help="One task only.", show_default=False)] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Write runs, individuals, whole curves or metrics as CSV, JSON or Parquet. docs/export.md explains the columns."""
    name = choice(what, _TABLES, "table")
    kind = format_of(format, output, _FORMATS, "csv")
    if kind == "parquet" and output is None:
        raise UsageError("Parquet is not for standard output. Name a file with --output.")

    from lodo_bench.export.tables import TABLES
    from lodo_bench.export.writers import WRITERS

    if task is not None:
        from lodo_bench.tasks import TASKS  # takes a while: it imports PyTorch

        TASKS.check(task)
    table, write = TABLES[name], WRITERS[kind]
    batches = table.batches(open_store(db), task)
    if output is None:
        write(sys.stdout.buffer, name, table, batches)
    else:
        with open_output(output) as file:
            write(file, name, table, batches)
        echo_err(f"Wrote {output}.")
