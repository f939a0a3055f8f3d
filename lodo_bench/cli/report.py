"""`lodo-bench report`: what the final runs have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from lodo_bench.cli.output import echo_err
from lodo_bench.errors import UsageError
from lodo_bench.files.atomic import open_output
from lodo_bench.report.formats import REPORT_FORMATS, ReportData, format_of

if TYPE_CHECKING:
    from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec


def report(
    task: Annotated[str | None, typer.Option(help="One task only.", show_default=False)] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(REPORT_FORMATS)}. By default what the output file's ending says, else markdown.",
            metavar="FORMAT",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Write to a file, not to standard output.", metavar="FILE", show_default=False)
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(help="Tell the steps and seconds to this loss, too.", metavar="LOSS", show_default=False),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Compare all final runs of each task in a table: means, which may be the best, the paper's numbers, the cost."""
    if json and format not in (None, "json"):
        raise UsageError(f"--json and --format {format} contradict each other. Leave out one of them.")
    kind = format_of("json" if json else format, output, {n: f.suffixes for n, f in REPORT_FORMATS.items()}, "markdown")
    material = _material(task, target, db)
    if not material.reports:
        echo_err(f"There are no final runs{f' of {task}' if task else ''} yet. Make some with 'lodo-bench run'.")
        if kind == "markdown":
            return
    text = REPORT_FORMATS[kind].render(material)
    if output is None:
        print(text, end="")
    else:
        with open_output(output) as file:
            file.write(text.encode())
        echo_err(f"Wrote {output}.")


def _material(task: str | None, target: float | None, db: str) -> ReportData:
    from lodo_bench.analysis.comparison import compare
    from lodo_bench.analysis.targets import summarize_targets
    from lodo_bench.tasks import TASKS

    if task is not None:
        TASKS.check(task)
    store = open_store(db)
    comparisons = compare(store.run_sets(task), _bound, complexity=_complexity, studies=store.studies(task))
    targets = [
        None if target is None else summarize_targets(comparison, target, store.curve) for comparison in comparisons
    ]
    return ReportData(list(zip(comparisons, targets, strict=True)), task, store)


def _bound(task: TaskSpec) -> LossBound | None:
    from lodo_bench.tasks import TASKS

    return TASKS.load(task.name).optimal_loss(task.options)


def _complexity(optimizer: OptimizerSpec) -> str:
    from lodo_bench.optimizers import OPTIMIZERS

    return OPTIMIZERS.load(optimizer.name).complexity
