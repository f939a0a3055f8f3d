"""`lodo-bench plot`: figures of stored results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lodo_bench.cli.file_format import PLOT_FORMATS, format_of
from lodo_bench.cli.options import (
    DatabasesOption,
    JsonOption,
    OnlyOptimizersOption,
    OnlyRunSetsOption,
    OnlySourcesOption,
    OnlyStudiesOption,
    OnlyTagsOption,
    TaskOptionOption,
    assignments,
    choice,
    open_results,
    selection,
)
from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.files.atomic import open_output

if TYPE_CHECKING:
    from lodo_bench.figures.kinds import ResultFigure
    from lodo_bench.results.damage import Damage
    from lodo_bench.results.reader import Results

EXAMPLES = (
    "lodo-bench plot curves --task quadratic -o curves.svg",
    "lodo-bench plot search --task quadratic --optimizer lodo -o search.png",
    "lodo-bench plot sweep --task quadratic --over momentum -o sweep.pdf",
)
_KINDS = ("curves", "hessian-error", "trajectories", "search", "sweep", "noise", "profile")


def plot(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(_KINDS[:-1])} or {_KINDS[-1]}.", metavar="KIND")],
    output: Annotated[str, typer.Option("--output", "-o", help="Output file: .png, .svg or .pdf.", metavar="FILE")],
    task: Annotated[
        str | None,
        typer.Option("--task", "-t", help="The task.", metavar="TASK", show_default="the only one with results"),
    ] = None,
    task_option: TaskOptionOption = None,
    optimizer: OnlyOptimizersOption = None,
    run_set: OnlyRunSetsOption = None,
    study: OnlyStudiesOption = None,
    source: OnlySourcesOption = None,
    tag: OnlyTagsOption = None,
    over: Annotated[
        str | None, typer.Option(help="For sweep: the option or hyperparameter on the x axis.", metavar="NAME")
    ] = None,
    db: DatabasesOption = None,
    json: JsonOption = False,
) -> None:
    """Plot stored runs or searches.

    curves: losses by steps and by training time.
    hessian-error: distance of LODO's preconditioner from the inverse Hessian.
    trajectories: paths over the contours of a task with two parameters.
    search: hyperparameters by generation.
    sweep: loss against an option or hyperparameter.
    noise: loss / σ² against σ².
    profile: performance profiles over all tasks.
    """
    choice(kind, _KINDS, "kind of plot")
    file_format = format_of(None, False, output, PLOT_FORMATS, "png")
    with loading(), no_garbage_collection():
        from lodo_bench.analysis.documents import damaged_document
        from lodo_bench.figures import plot as library

    options = assignments(task_option, "--task-option")
    selected = selection(task, optimizer, run_set, study, source, tag)
    request = library.PlotRequest(kind, selected, options, over)
    figure, damaged = _drawn(db, lambda results: library.plot(results, request))
    with open_output(output) as file:
        figure.save(file, file_format)
    if json:
        document = {"kind": kind, "file": output, "subject": figure.subject, "lines": figure.labels}
        more = {"caption": figure.caption, "left_out": figure.left_out, **damaged_document(damaged)}
        print_json({**document, **more})
    else:
        echo_err(f"Wrote {output}: {kind} of {'; '.join(figure.labels)} on {figure.subject}.")
        for sentence in figure.left_out:
            echo_err(f"Left out: {sentence}.")


def _drawn(db: Sequence[str] | None, draw: Callable[[Results], ResultFigure]) -> tuple[ResultFigure, Sequence[Damage]]:
    """Return a figure of the databases, and the rows that were left out.

    The databases are closed at the return, as nothing refers to them any more. A library that draws may keep the frames
    of its callers, with all that they refer to.
    """
    results = open_results(db)
    return draw(results), results.damaged
