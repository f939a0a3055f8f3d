"""`lodo-bench report`: compare final runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lodo_bench.cli.file_format import REPORT_FORMATS, format_of
from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import (
    DatabasesOption,
    JsonOption,
    OnlyOptimizersOption,
    OnlyRunSetsOption,
    OnlySourcesOption,
    OnlyStudiesOption,
    OnlyTagsOption,
    OnlyTaskOption,
    OutputOption,
    databases,
    selection,
)
from lodo_bench.cli.output import echo_err, print_json_text
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.files.atomic import open_output
from lodo_bench.spec.numbers import FINITE, WINDOW
from lodo_bench.spec.selection import ReportRequest, Selection
from lodo_bench.spec.text import printable

EXAMPLES = (
    "lodo-bench report",
    "lodo-bench report --task quadratic --target 20",
    "lodo-bench report --at 1000 --at 10s",
    "lodo-bench report --optimizer lodo --optimizer adam --source tuned",
    "lodo-bench report --db laptop.db --db server.db",
    "lodo-bench report -o report.html",
)
# What is shown where no format and no file is asked for; it is not a format of files.
_TERMINAL = "terminal"


def report(
    task: OnlyTaskOption = None,
    optimizer: OnlyOptimizersOption = None,
    run_set: OnlyRunSetsOption = None,
    study: OnlyStudiesOption = None,
    source: OnlySourcesOption = None,
    tag: OnlyTagsOption = None,
    target: Annotated[
        float | None,
        typer.Option(
            help="Also report steps and seconds to reach this loss. The task 'diagnostics' has its own target.",
            metavar="LOSS",
            show_default=False,
            **within(FINITE),
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(help="Compare each optimizer with this one only.", metavar="NAME", show_default="each with all"),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            help="Average this many losses for --target in all rows.",
            metavar="N",
            **within(WINDOW),
            show_default="as many as each run's own score",
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            help="Score all rows here, e.g. 20000 (steps) or 10s (training time); repeatable.",
            metavar="MILESTONE",
            show_default="all milestones that any run was scored at",
        ),
    ] = None,
    output: OutputOption = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(REPORT_FORMATS)}.",
            metavar="FORMAT",
            show_default="from the output file's suffix, else a table on a terminal, else markdown",
        ),
    ] = None,
    db: DatabasesOption = None,
    json: JsonOption = False,
) -> None:
    """Compare final runs: means, significance, published values, cost."""
    kind = format_of(format, json, output, REPORT_FORMATS, _TERMINAL if sys.stdout.isatty() else "markdown")
    with loading(), no_garbage_collection():
        from lodo_bench.api.compare import load_report
        from lodo_bench.cli.views.report import print_sections
        from lodo_bench.report.formats import RENDERERS
        from lodo_bench.report.section import build_section

    selected = selection(task, optimizer, run_set, study, source, tag)
    request = ReportRequest(selected, target=target, window=window, at=tuple(at or ()), baseline=baseline)
    data = load_report(request, databases(db), echo_err)
    if not data.comparisons:
        what = " in this selection" if selected != Selection(task) else f" of {task}" if task else ""
        echo_err(f"There are no final runs{what} yet. Create some with 'lodo-bench run'.")
        if kind in ("markdown", _TERMINAL):
            return
    if kind == _TERMINAL:
        print_sections(build_section(*comparison) for comparison in data.comparisons)
        return
    text = RENDERERS[kind](data)
    if output is None and kind == "json":
        print_json_text(text.rstrip("\n"))
    elif output is None:
        print(printable(text) if sys.stdout.isatty() else text, end="")
    else:
        with open_output(output) as file:
            file.write(text.encode())
        echo_err(f"Wrote {output}.")
