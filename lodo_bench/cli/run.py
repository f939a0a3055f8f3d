"""`lodo-bench run`: final runs."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.api.requests import DEFAULT_DATABASE, RunRequest
from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import (
    BackendOption,
    DatabaseOption,
    DataDirOption,
    DTypeOption,
    JsonOption,
    OptimizerOptionOption,
    OptimizersArgument,
    OptimizersOption,
    RecipeOption,
    SpaceOption,
    TaskOptionOption,
    assignments,
    set_data_directory,
)
from lodo_bench.cli.output import command_line, resumable, starting
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.spec.numbers import COUNT, PERIOD, RECORD, SECONDS, STEPS

EXAMPLES = (
    "lodo-bench run lodo",
    "lodo-bench run adam lodo --task rosenbrock --seeds 4 --from paper",
    "lodo-bench run --study 3",
    "lodo-bench run adam -p lr=0.01 --steps 1000 --untimed --json",
    "lodo-bench run adam lodo l-bfgs --fair-clock",
    "lodo-bench run adam -R schedule=cosine -R warmup=0.05 -R weight_decay=0.01",
)


def run(
    optimizers: OptimizersArgument = None,
    optimizer: OptimizersOption = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            help="Task; see 'lodo-bench list tasks'.",
            metavar="TASK",
            show_default="quadratic, or that of --study",
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            **within(COUNT),
            help="Number of runs of each optimizer, at the result of each of its searches. A single one if neither "
            "the optimizer nor the task is random.",
            metavar="N",
        ),
    ] = 8,
    steps: Annotated[
        int | None,
        typer.Option(help="Step milestone.", metavar="N", show_default="the paper's", **within(STEPS)),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Also train for at least this many seconds.", metavar="SECONDS", **within(SECONDS)),
    ] = None,
    hyperparameter: Annotated[
        list[str] | None,
        typer.Option(
            "--hyperparameter", "-p", help="Set a hyperparameter, e.g. lr=0.1; repeatable.", metavar="NAME=VALUE"
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", help="tuned, paper or default.", metavar="SOURCE", show_default="first available"),
    ] = None,
    study: Annotated[
        list[int] | None,
        typer.Option(
            help="Take the result of this search; repeatable for searches with several seeds.",
            metavar="N",
            show_default="all searches with the largest budget",
            **within(RECORD),
        ),
    ] = None,
    untimed: Annotated[
        bool, typer.Option("--untimed", help="Train all seeds as one batch; faster, same losses, no timing.")
    ] = False,
    fair_clock: Annotated[
        bool,
        typer.Option(
            "--fair-clock",
            help="Time all optimizers alike, without compiled loops: backend torch.",
        ),
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over instead of resuming or reusing runs.")] = False,
    task_option: TaskOptionOption = None,
    optimizer_option: OptimizerOptionOption = None,
    space: SpaceOption = None,
    recipe: RecipeOption = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.", metavar="DEVICE")] = "cpu",
    dtype: DTypeOption = None,
    backend: BackendOption = "auto",
    checkpoint_every: Annotated[
        float,
        typer.Option(help="Seconds between checkpoints (at most 5 % overhead).", metavar="SECONDS", **within(PERIOD)),
    ] = 120,
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Run final, timed training runs over several seeds and store their learning curves.

    Rerun the same command to resume runs that were interrupted. Hyperparameters are those of all independent
    searches of an optimizer ('lodo-bench tune --seeds'), with runs at the result of each.
    """
    names = (*(optimizers or ()), *(optimizer or ()))
    if not names and not study:
        raise typer.BadParameter("name at least one, e.g. 'lodo-bench run lodo'.", param_hint="OPTIMIZER")
    set_data_directory(data_dir)
    request = RunRequest(
        optimizers=names,
        task=task,
        seeds=seeds,
        steps=steps,
        seconds=seconds,
        hyperparameters=assignments(hyperparameter, "-p"),
        source=source,
        studies=tuple(study or ()),
        timed=not untimed,
        task_options=assignments(task_option, "--task-option"),
        optimizer_options=assignments(optimizer_option, "--optimizer-option"),
        space=space,
        recipe=assignments(recipe, "--recipe"),
        device=device,
        dtype=dtype,
        backend=backend,
        fair_clock=fair_clock,
        fresh=fresh,
        checkpoint_every=checkpoint_every,
        db=db,
        command=command_line(),
    )
    with resumable() as kept:
        with starting(), loading(), no_garbage_collection():
            from lodo_bench.api.run import execute_run
            from lodo_bench.cli.views.progress import TerminalReporter
            from lodo_bench.cli.views.run import print_run_sets

        records = execute_run(request, TerminalReporter(kept))
    print_run_sets(records, db, json)
