"""`lodo-bench export`: stored results as tables for other programs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lodo_bench.cli.file_format import EXPORT_FORMATS, format_of
from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, OnlyTaskOption, OutputOption, choice, open_store
from lodo_bench.cli.output import echo_err
from lodo_bench.errors import UsageError
from lodo_bench.files.atomic import open_output

EXAMPLES = (
    "lodo-bench export runs -o runs.csv",
    "lodo-bench export curves --task quadratic -o curves.parquet",
    "lodo-bench export individuals --json",
)
_TABLES = ("runs", "individuals", "curves", "metrics")


def export(
    table: Annotated[str, typer.Argument(help="runs, individuals (of searches), curves or metrics.", metavar="TABLE")],
    task: OnlyTaskOption = None,
    output: OutputOption = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(EXPORT_FORMATS)}.",
            metavar="FORMAT",
            show_default="from the output file's suffix, else csv",
        ),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: Annotated[bool, typer.Option("--json", help="Write JSON; short for --format json.")] = False,
) -> None:
    """Export runs, individuals, learning curves or metrics to CSV, JSON or Parquet."""
    choice(table, _TABLES, "table")
    kind = format_of(format, json, output, EXPORT_FORMATS, "csv")
    if kind == "parquet" and output is None:
        raise UsageError("Parquet needs a file. Name one with --output.")
    from lodo_bench.export.writers import ExportRequest, write_table

    if task is not None:
        from lodo_bench.tasks import TASKS  # imports PyTorch

        TASKS.check(task)
    store, request = open_store(db), ExportRequest(table, kind, task)
    if output is None:
        write_table(sys.stdout.buffer, store, request)
    else:
        with open_output(output) as file:
            write_table(file, store, request)
        echo_err(f"Wrote {output}.")
