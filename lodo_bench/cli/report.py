"""`lodo-bench report`: compare final runs."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.file_format import REPORT_FORMATS, format_of
from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, OnlyTaskOption, OutputOption
from lodo_bench.cli.output import echo_err
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.files.atomic import open_output
from lodo_bench.spec.selection import ReportRequest, Selection

EXAMPLES = (
    "lodo-bench report",
    "lodo-bench report --task quadratic --target 20",
    "lodo-bench report -o report.html",
)


def report(
    task: OnlyTaskOption = None,
    target: Annotated[
        float | None,
        typer.Option(
            help="Also report steps and seconds to reach this loss. Diagnostics have one of their own.",
            metavar="LOSS",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(help="Compare each optimizer with this one only.", metavar="NAME", show_default="each with all"),
    ] = None,
    output: OutputOption = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(REPORT_FORMATS)}.",
            metavar="FORMAT",
            show_default="from the output file's suffix, else markdown",
        ),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Compare final runs: means, significance, published values, cost."""
    kind = format_of(format, json, output, REPORT_FORMATS, "markdown")
    with no_garbage_collection():
        from lodo_bench.api.compare import load_report
        from lodo_bench.report.formats import RENDERERS

    data = load_report(ReportRequest(Selection(task), target, baseline=baseline), (db,), echo_err)
    if not data.comparisons:
        echo_err(f"There are no final runs{f' of {task}' if task else ''} yet. Create some with 'lodo-bench run'.")
        if kind == "markdown":
            return
    text = RENDERERS[kind](data)
    if output is None:
        print(text, end="")
    else:
        with open_output(output) as file:
            file.write(text.encode())
        echo_err(f"Wrote {output}.")
