"""`lodo-bench tune`: search hyperparameters."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Annotated

import typer

from lodo_bench.api.requests import DEFAULT_DATABASE, TuneRequest, WorkersRequest
from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import (
    AddressOption,
    BackendOption,
    DatabaseOption,
    DataDirOption,
    DeviceOption,
    DTypeOption,
    EngineOption,
    GpusPerWorkerOption,
    JsonOption,
    OptimizerOptionOption,
    OptimizersArgument,
    OptimizersOption,
    RecipeOption,
    SpaceOption,
    TaskOptionOption,
    WorkersOption,
    assignments,
    set_data_directory,
)
from lodo_bench.cli.output import command_line, echo_err, resumable, starting
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.spec.numbers import COUNT, SEED

EXAMPLES = (
    "lodo-bench tune --task quadratic",
    "lodo-bench tune lodo adam --task rosenbrock --schedule quick --workers 4",
    "lodo-bench tune adam lodo --task rosenbrock --seeds 5",
    "lodo-bench tune my_package.module:MyOptimizer --task quadratic -T dimension=20",
    "lodo-bench tune adam --task quadratic -R schedule=cosine -R weight_decay=tune",
    "lodo-bench tune --task quadratic --dry-run",
)


def tune(
    task: Annotated[str, typer.Option("--task", "-t", help="Task; see 'lodo-bench list tasks'.", metavar="TASK")],
    optimizers: OptimizersArgument = None,
    optimizer: OptimizersOption = None,
    schedule: Annotated[
        str, typer.Option(help="paper (Table 5), quick for a first look, or a YAML file.", metavar="NAME|PATH")
    ] = "paper",
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of the first search; the same seed gives the same values.", metavar="N", **within(SEED)
        ),
    ] = 0,
    seeds: Annotated[
        int,
        typer.Option(
            **within(COUNT),
            help="Number of independent searches for each optimizer; 'run' then uses the result of each.",
            metavar="N",
        ),
    ] = 1,
    workers: WorkersOption = None,
    gpus_per_worker: GpusPerWorkerOption = None,
    address: AddressOption = None,
    engine: EngineOption = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore unfinished results and start over.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be searched and how long it takes; store nothing.")
    ] = False,
    task_option: TaskOptionOption = None,
    optimizer_option: OptimizerOptionOption = None,
    space: SpaceOption = None,
    recipe: RecipeOption = None,
    device: DeviceOption = None,
    dtype: DTypeOption = None,
    backend: BackendOption = "auto",
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Tune optimizer hyperparameters with the paper's genetic search. Rerun the same command to resume.

    Without optimizers, all of the paper's optimizers for the task are tuned. For a meta-trained optimizer,
    the weights are trained instead.
    """
    set_data_directory(data_dir)
    request = TuneRequest(
        task=task,
        optimizers=(*(optimizers or ()), *(optimizer or ())),
        schedule=schedule,
        seed=seed,
        seeds=seeds,
        fresh=fresh,
        task_options=assignments(task_option, "--task-option"),
        optimizer_options=assignments(optimizer_option, "--optimizer-option"),
        space=space,
        recipe=assignments(recipe, "--recipe"),
        workers=WorkersRequest(workers, gpus_per_worker, address, engine, device),
        dtype=dtype,
        backend=backend,
        db=db,
        command=command_line(),
    )
    with resumable() as kept:
        with starting(), loading(), no_garbage_collection():
            from lodo_bench.api.tune import execute_tune
            from lodo_bench.cli.views.progress import TerminalReporter
            from lodo_bench.cli.views.tune import print_studies

        if sys.platform == "linux":
            multiprocessing.set_start_method("fork", force=True)  # this process has computed nothing yet
        reporter = TerminalReporter(kept)
        if dry_run:
            from lodo_bench.api.tune_plan import plan_tune
            from lodo_bench.cli.views.tune_plan import print_tune_plan

            print_tune_plan(plan_tune(request, reporter), json)
            return
        records = execute_tune(request, reporter)
    if records and not reporter.has_tuned:
        echo_err("All searches are already finished. Use --fresh to rerun, or another --seed.")
    print_studies(request, records, json)
