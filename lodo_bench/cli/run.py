"""`lodo-bench run`: final runs, timed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    DTypeOption,
    JsonOption,
    TaskOptionOption,
    assignments,
    choice,
    task_spec,
    writing,
)
from lodo_bench.cli.output import command_line, emit, note
from lodo_bench.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from lodo_bench.records import Hyperparameters, RunRecord, RunSetRecord, RunSetSpec
    from lodo_bench.results.statistics import Summary
    from lodo_bench.results.store import Store
    from lodo_bench.spec import TaskSpec


def run(
    optimizer: Annotated[str, typer.Option(help="Which optimizer; see 'lodo-bench list optimizers'.")],
    task: Annotated[str, typer.Option(help="Which task; see 'lodo-bench list tasks'.")] = "quadratic",
    seeds: Annotated[int, typer.Option(min=1, help="How many runs, with the seeds 0, 1, ...")] = 8,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Step milestone; the paper's for the task by default.", show_default=False)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Time milestone: go on until this training time is reached, too.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="A hyperparameter, e.g. lr=0.1; repeat.", metavar="NAME=VALUE"),
    ] = None,
    hyperparameters: Annotated[
        str | None,
        typer.Option(
            help="tuned, paper or default. By default the first of them that there is.", metavar="SOURCE"
        ),
    ] = None,
    untimed: Annotated[
        bool, typer.Option("--untimed", help="All seeds in lockstep: the same losses sooner, without times.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.", metavar="DEVICE")] = "cpu",
    task_option: TaskOptionOption = None,
    dtype: DTypeOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Train with final hyperparameters, several seeds, by the clock, and keep the whole learning curves.

    Interrupted runs are continued seed by seed by the same command.
    """
    from lodo_bench.cli.hyperparameters import SOURCES, choose
    from lodo_bench.optimizers import OPTIMIZERS
    from lodo_bench.provenance import gather
    from lodo_bench.spec import Status

    OPTIMIZERS.check(optimizer)
    problem = task_spec(task, task_option)
    given = assignments(parameter, "-p")
    if hyperparameters is not None:
        choice(hyperparameters, SOURCES, "source of hyperparameters")
    settings = _settings(problem, steps, seconds, seeds, untimed, device, dtype)
    # The hyperparameters are chosen before anything is written: a mistake in them leaves the database as it was.
    store = writing(db, gather(device, command_line()))
    values = choose(problem, optimizer, hyperparameters, given, store)
    record = _run(_spec(optimizer, values, settings), store)
    if json:
        emit(_document(record))
    else:
        print(_table(record))
    if any(r.status is Status.FAILED for r in record.runs):
        note(f"Some runs failed: {next(r.reason for r in record.runs if r.status is Status.FAILED)}")
        raise typer.Exit(3)
