"""`lodo-bench plot`: pictures of what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, TaskOptionOption, choice, open_store
from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.errors import UsageError
from lodo_bench.files.atomic import open_output

_KINDS = ("curves", "hessian-error", "trajectories", "search", "sweep", "noise", "profile")


def plot(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(_KINDS[:-1])} or {_KINDS[-1]}.", metavar="KIND")],
    output: Annotated[str, typer.Option(help="Where to: a file that ends with .png, .svg or .pdf.", metavar="FILE")],
    task: Annotated[
        str | None, typer.Option(help="Which task; may be left out if there is one only.", show_default=False)
    ] = None,
    task_option: TaskOptionOption = None,
    optimizer: Annotated[
        list[str] | None, typer.Option(help="These optimizers only; repeat for several.", show_default=False)
    ] = None,
    over: Annotated[
        str | None,
        typer.Option(help="For sweep: the option or hyperparameter that the runs differ in.", metavar="NAME"),
    ] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Draw stored runs or searches.

    curves: learning curves by steps and by time. hessian-error: how far LODO is from the inverse Hessian.
    trajectories: paths over the contours of a task with two parameters. search: how tuning went, generation by
    generation. sweep: loss against an option or hyperparameter. noise: loss / σ² against σ².
    profile: how often each optimizer is nearly the best, over all tasks.
    """
    from lodo_bench.cli.plot_kinds import PICTURES, PlotRequest
    from lodo_bench.plots.style import FORMATS, save

    choice(kind, _KINDS, "kind of plot")
    written = _format_of(output, FORMATS)
    picture = PICTURES[kind](PlotRequest(open_store(db), task, task_option, optimizer, over))
    with open_output(output) as file:
        save(picture.figure, file, written)
    if json:
        print_json({"kind": kind, "file": output, "subject": picture.subject, "lines": picture.labels})
    else:
        echo_err(f"{output}: {kind} of {'; '.join(picture.labels)} on {picture.subject}.")


def _format_of(output: str, formats: Sequence[str]) -> str:
    ending = Path(output).suffix.lower().removeprefix(".")
    if ending not in formats:
        endings = ", ".join(f".{name}" for name in formats)
        raise UsageError(f"what format is '{output}' to have? Give the file one of the endings {endings}.")
    return ending
