"""`lodo-bench export`: stored results as tables for other programs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lodo_bench.cli.file_format import EXPORT_FORMATS, format_of
from lodo_bench.cli.options import (
    DatabasesOption,
    OnlyOptimizersOption,
    OnlyRunSetsOption,
    OnlySourcesOption,
    OnlyStudiesOption,
    OnlyTagsOption,
    OnlyTaskOption,
    OutputOption,
    choice,
    open_results,
    selection,
)
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
    optimizer: OnlyOptimizersOption = None,
    run_set: OnlyRunSetsOption = None,
    study: OnlyStudiesOption = None,
    source: OnlySourcesOption = None,
    tag: OnlyTagsOption = None,
    output: OutputOption = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(EXPORT_FORMATS)}.",
            metavar="FORMAT",
            show_default="from the output file's suffix, else csv",
        ),
    ] = None,
    db: DatabasesOption = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON; short for --format json.")] = False,
) -> None:
    """Export runs, individuals, learning curves or metrics to CSV, JSON or Parquet."""
    choice(table, _TABLES, "table")
    kind = format_of(format, json, output, EXPORT_FORMATS, "csv")
    if kind == "parquet" and output is None:
        raise UsageError("Parquet needs a file. Name one with --output.")
    from lodo_bench.export.writers import ExportRequest, write_table
    from lodo_bench.figures.selection import select_stored

    selected = selection(task, optimizer, run_set, study, source, tag)
    results, request = select_stored(open_results(db), selected), ExportRequest(table, kind)
    if output is None:
        write_table(sys.stdout.buffer, results, request)
    else:
        with open_output(output) as file:
            write_table(file, results, request)
        echo_err(f"Wrote {output}.")
