"""`lodo-bench tune`: search hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    DataDirOption,
    DTypeOption,
    JsonOption,
    KernelOption,
    OptimizerOptionOption,
    TaskOptionOption,
    open_store_for_writing,
    optimizer_spec,
    resolve_backend,
    resolve_dtype,
    set_data_directory,
    task_spec,
)
from lodo_bench.cli.output import command_line, echo_err, print_json, show_table
from lodo_bench.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from lodo_bench.results.store import Store
    from lodo_bench.spec.compute import BackendChoice, Device, DType
    from lodo_bench.spec.study import StudyRecord, StudySpec
    from lodo_bench.spec.training import OptimizerSpec, TaskSpec
    from lodo_bench.tuner.driver import Cluster


def tune(
    task: Annotated[str, typer.Option(help="Which task; see 'lodo-bench list tasks'.")],
    optimizer: Annotated[
        list[str] | None, typer.Option(help="Which optimizer; repeat for several. All that the paper runs by default.")
    ] = None,
    schedule: Annotated[
        str, typer.Option(help="'paper' (Table 5), 'quick' for a first look, or a YAML file.")
    ] = "paper",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same values, bit for bit.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=0, help="How many to train in parallel; 0: in this process. One a CPU by default.")
    ] = None,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="Share of a GPU for each worker; 0: on the CPU.")] = 0,
    address: Annotated[
        str | None, typer.Option(help="A running Ray cluster, e.g. auto; starts one by default.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew instead of continuing.")] = False,
    task_option: TaskOptionOption = None,
    optimizer_option: OptimizerOptionOption = None,
    dtype: DTypeOption = None,
    kernel: KernelOption = "auto",
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Search each optimizer's hyperparameters with the paper's genetic search; meta-train those that learn.

    The same command again continues an unfinished search and does nothing to a finished one.
    """
    from lodo_bench.runs.provenance import gather
    from lodo_bench.tasks import TASKS
    from lodo_bench.training.validation import check_task
    from lodo_bench.tuner.driver import Cluster

    set_data_directory(data_dir)
    cluster = Cluster(workers, gpus_per_worker, address)
    problem = task_spec(task, task_option)
    methods = _optimizers(problem, optimizer, optimizer_option)
    device: Device = "cuda" if gpus_per_worker else "cpu"
    arithmetic, accuracy = resolve_backend(kernel, device), resolve_dtype(dtype, task)
    specs = _study_specs(problem, methods, schedule, seed, cluster, accuracy, arithmetic)
    check_task(problem, device, accuracy)
    store = open_store_for_writing(db, gather(device, command_line(), threads=1, data=TASKS.load(task).dataset_name()))
    records = [store.open_study(spec, fresh=fresh) for spec in specs]
    _search(records, store, cluster)
    _print_summary(problem, seed, [store.study(record.id) for record in records], json)


def _optimizers(task: TaskSpec, names: Sequence[str] | None, options: Sequence[str] | None) -> list[OptimizerSpec]:
    """Those asked for, or those that the paper runs on the task; only such as have anything to tune or to learn."""
    from lodo_bench.analysis.published import published_optimizers
    from lodo_bench.optimizers import OPTIMIZERS
    from lodo_bench.training.validation import check_pair

    asked = list(dict.fromkeys(names or ()))
    if options and len(asked) != 1:
        raise UsageError("--optimizer-option says something of one optimizer. Name it, alone, with --optimizer.")
    published = [name for name in published_optimizers(task.name) if name in OPTIMIZERS.names]
    found = [optimizer_spec(name, options) for name in asked or published or OPTIMIZERS.names]
    for optimizer in found:
        check_pair(task, optimizer)
    tunable = [o for o in found if OPTIMIZERS.load(o.name).is_tunable()]
    for optimizer in found:
        if optimizer not in tunable:
            echo_err(f"{optimizer.name} has no hyperparameters: there is nothing to tune.")
    return tunable


def _study_specs(
    task: TaskSpec,
    optimizers: Sequence[OptimizerSpec],
    schedule: str,
    seed: int,
    cluster: Cluster,
    dtype: DType,
    kernel: BackendChoice,
) -> list[StudySpec]:
    from lodo_bench.optimizers import OPTIMIZERS
    from lodo_bench.spec.compute import ComputeSpec
    from lodo_bench.spec.study import StudySpec
    from lodo_bench.training.validation import check_device
    from lodo_bench.tuner.driver import shard_size
    from lodo_bench.tuner.schedule import load_schedules

    if cluster.workers == 0 and cluster.address is not None:
        raise UsageError("--workers 0 trains in this process, and --address names a cluster. Leave out one of them.")
    if cluster.workers == 0 and cluster.gpus_per_worker > 1:
        raise UsageError("--workers 0 trains in this process, which has one GPU at most. Use --gpus-per-worker 1.")
    if cluster.workers == 0 and cluster.gpus_per_worker:
        check_device("cuda")
    schedules = load_schedules(schedule, task.name)
    return [
        StudySpec(
            task=task,
            optimizer=optimizer,
            schedule=schedules[OPTIMIZERS.load(optimizer.name).search],
            seed=seed,
            shard_size=shard_size(task.name),
            compute=ComputeSpec("cuda" if cluster.gpus_per_worker else "cpu", dtype, kernel),
        )
        for optimizer in optimizers
    ]


def _search(records: Sequence[StudyRecord], store: Store, cluster: Cluster) -> None:
    from lodo_bench.cli.progress import tuning_progress
    from lodo_bench.tuner.driver import run_studies
    from lodo_bench.tuner.study import Study

    if all(record.status == "finished" for record in records):
        echo_err("Nothing to do: finished before. --fresh starts anew, another --seed draws another search.")
        return
    studies = [Study(record) for record in records]
    try:
        with tuning_progress() as listener:
            run_studies(studies, store, listener, cluster)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; everything evaluated is stored. Continue with:\n  {_again()}") from None


def _again() -> str:
    """The command that continues: a fresh study is not to be started afresh once more."""
    return command_line().replace(" --fresh", "")


def _print_summary(task: TaskSpec, seed: int, records: Sequence[StudyRecord], json: bool) -> None:
    """Show what the searches found; failed individuals are an exit code of their own."""
    from lodo_bench.spec.outcome import Status

    if json:
        studies = [_document(record) for record in records]
        print_json({"task": task.name, "task_options": task.options, "seed": seed, "studies": studies})
    else:
        _print(task, records)
    if any(record.count(Status.FAILED) for record in records):
        echo_err("Some individuals failed; 'lodo-bench show STUDY' says why.")
        raise typer.Exit(3)


def _document(record: StudyRecord) -> dict[str, Any]:
    from lodo_bench.spec.outcome import Status

    return {
        "study": record.id,
        "optimizer": record.spec.optimizer.name,
        "optimizer_options": record.spec.optimizer.options,
        "status": record.status,
        "hyperparameters": record.hyperparameters,
        "individuals": {status.value: record.count(status) for status in Status},
        "generations": len(record.generations),
        "schedule": record.spec.schedule.name,
    }


def _print(task: TaskSpec, records: Sequence[StudyRecord]) -> None:
    from lodo_bench.analysis.published import published_hyperparameters
    from lodo_bench.optimizers import OPTIMIZERS
    from lodo_bench.report.formatting import number

    rows = []
    for record in records:
        published = published_hyperparameters(task, record.spec.optimizer) or {}
        for parameter in OPTIMIZERS.load(record.spec.optimizer.name).hyperparameters:
            tuned = (record.hyperparameters or {}).get(parameter.name)
            values = (tuned, published.get(parameter.name), parameter.initial)
            rows.append([str(record.id), record.spec.optimizer.label, parameter.name, *(number(v, 6) for v in values)])
        if record.state is not None:
            best = min(member.fitness for member in record.individuals if math.isfinite(member.fitness))
            learned = f"learned (loss {number(best)})"
            rows.append([str(record.id), record.spec.optimizer.label, "weights", learned, "–", "–"])
    show_table(["study", "optimizer", "hyperparameter", "tuned", "paper", "default"], rows, left=3)
