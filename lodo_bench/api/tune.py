"""Hyperparameter searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch.optim import Optimizer as TorchOptimizer

from lodo_bench.analysis.published import published_optimizers
from lodo_bench.api.computing import compute_spec, resolve_workers, settle_backend
from lodo_bench.api.database import create_store
from lodo_bench.api.progress import ProgressReporter, SilentReporter
from lodo_bench.api.requests import DEFAULT_DATABASE, TuneRequest, WorkersRequest
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import OPTIMIZERS, load_optimizer, optimizer_spec
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.runs.facts import hyperparameter_kinds
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.options import Value
from lodo_bench.spec.space import Space
from lodo_bench.spec.study import StudyRecord, StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tasks.base import Task
from lodo_bench.training.preflight import preflight
from lodo_bench.training.validation import check_pair, check_task
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.driver import run_studies
from lodo_bench.tuner.schedule import load_schedules
from lodo_bench.tuner.study import Study, check_search_memory


def tune(
    task: str | type[Task],
    optimizers: Sequence[str | type[Optimizer] | type[TorchOptimizer]] = (),
    *,
    schedule: str = "paper",
    seed: int = 0,
    seeds: int = 1,
    fresh: bool = False,
    task_options: Mapping[str, Value] | None = None,
    optimizer_options: Mapping[str, Value] | None = None,
    space: str | None = None,
    recipe: Mapping[str, Value] | None = None,
    workers: int | None = None,
    gpus_per_worker: float | None = None,
    address: str | None = None,
    engine: str = "auto",
    device: str | None = None,
    dtype: str | None = None,
    backend: str = "auto",
    db: str = DEFAULT_DATABASE,
    progress: ProgressReporter | None = None,
) -> list[StudyRecord]:
    """Tune hyperparameters of optimizers on a task with the paper's genetic search (LODO App. E).

    Studies are stored as they progress: the same call resumes an interrupted search, and returns a finished one.

    Args:
        task: a task's name, a path `package.module:Class`, a file `my_task.py:Class`, or a class of a module.
        optimizers: optimizers, given likewise, also those of torch.optim's interface; by default all of the paper's
            optimizers for the task.
        schedule: `paper` (Table 5), `quick`, `smoke`, or the path of a YAML file.
        seed: of the first search, >= 0; the same seed gives the same values, bit for bit, for any number of workers.
        seeds: number of independent searches for each optimizer, >= 1, with the seeds `seed`, `seed` + 1, ...; final
            `run` then uses the result of each.
        fresh: start over instead of resuming an unfinished study or reusing a finished one.
        task_options: options of the task by name.
        optimizer_options: structural options by name; only with a single optimizer.
        space: search space of an adapted optimizer, the path of a YAML file or the name of a shipped one; only with a
            single optimizer.
        recipe: the training recipe around the update of each optimizer, by name; `tune` as a value makes it a
            hyperparameter.
        workers: parallel workers; 0 trains in this process, None uses one per CPU.
        gpus_per_worker: share of a GPU for each worker; by default 1 on a GPU and 0 on the CPU.
        address: of a running Ray cluster; None uses this machine.
        engine: `processes` of this machine, `ray`, or `auto`: Ray if GPUs or a cluster are asked for.
        device: `cpu` or `cuda`; by default `cuda` if workers have a share of a GPU, else `cpu`.
        dtype: `float32` or `float64`; by default the task's own choice.
        backend: `auto`, `torch`, `numba` (CPU) or `triton` (GPU).
        db: results database, a file or an SQLAlchemy URL.
        progress: receives the progress.

    Returns:
        A study for each optimizer that has hyperparameters to tune or weights to train, and for each seed.

    Raises:
        UsageError: for invalid arguments.
        KeyboardInterrupt: if interrupted; everything evaluated is stored.
    """
    request = TuneRequest(
        task=task if isinstance(task, str) else TASKS.name_of(task),
        optimizers=tuple(name if isinstance(name, str) else OPTIMIZERS.name_of(name) for name in optimizers),
        schedule=schedule,
        seed=seed,
        seeds=seeds,
        fresh=fresh,
        task_options=task_options or {},
        optimizer_options=optimizer_options or {},
        space=space,
        recipe=recipe or {},
        workers=WorkersRequest(workers, gpus_per_worker, address, engine, device),
        dtype=dtype,
        backend=backend,
        db=db,
    )
    return execute_tune(request, progress)


def execute_tune(request: TuneRequest, progress: ProgressReporter | None = None) -> list[StudyRecord]:
    """Carry out a request to tune; see `tune`."""
    progress = progress or SilentReporter()
    specs, cluster = requested_studies(request, progress)
    store = create_store(request, cluster.device, [TASKS.check(request.task)], 1, progress)
    records = [
        store.open_study(spec, fresh=request.fresh, kinds=hyperparameter_kinds(spec.optimizer)) for spec in specs
    ]
    if any(record.status != "finished" for record in records):
        _notice_spaces(records, progress)
        with progress.tuning() as callback:
            run_studies([Study(record) for record in records], store, callback, cluster)
    return [store.study(record.id) for record in records]


def requested_studies(request: TuneRequest, progress: ProgressReporter) -> tuple[list[StudySpec], Cluster]:
    """Return the searches of a request, which have been tried for a few steps, and their workers.

    Raises:
        UsageError: for invalid arguments.
    """
    task = task_spec(request.task, request.task_options)
    optimizers = _tunable(_optimizer_specs(request, task), progress)
    cluster = resolve_workers(request.workers)
    compute = compute_spec(cluster.device, request.dtype, request.backend, task.name)
    if optimizers:
        trainings = [(task, optimizer, compute) for optimizer in optimizers]
        compute = replace(compute, backend=settle_backend(request.backend, trainings, progress))
    specs = _study_specs(request, task, optimizers, compute)
    # Only workers need the device, which may be on other machines.
    check_task(task, compute.device, compute.dtype)
    for spec in specs:
        check_search_memory(spec, cluster)
    for optimizer in optimizers:
        preflight(task, optimizer, compute, specs[0].schedule.generations[-1].steps)
    return specs, cluster


def _optimizer_specs(request: TuneRequest, task: TaskSpec) -> list[OptimizerSpec]:
    """Return the requested optimizers, or those that the paper runs on the task."""
    names = list(dict.fromkeys(request.optimizers))
    if request.optimizer_options and len(names) != 1:
        raise UsageError("optimizer options require exactly one optimizer. Name only the one they belong to.")
    if request.space is not None and len(names) != 1:
        raise UsageError("a search space requires exactly one optimizer. Name only the one it belongs to.")
    published = [name for name in published_optimizers(task.name) if name in OPTIMIZERS.names]
    names = names or published or list(OPTIMIZERS.names)
    specs = [optimizer_spec(name, request.optimizer_options, request.recipe, request.space) for name in names]
    for spec in specs:
        check_pair(task, spec)
    return specs


def _tunable(optimizers: Sequence[OptimizerSpec], progress: ProgressReporter) -> list[OptimizerSpec]:
    tunable = []
    for optimizer in optimizers:
        if load_optimizer(optimizer).is_tunable():
            tunable.append(optimizer)
        else:
            progress.notice(f"{optimizer.name} has no hyperparameters: there is nothing to tune.")
    return tunable


def _notice_spaces(records: Sequence[StudyRecord], progress: ProgressReporter) -> None:
    """Tell which constructor arguments the searches that are not finished tune."""
    unfinished = [record.spec.optimizer for record in records if record.status != "finished"]
    for index, optimizer in enumerate(unfinished):
        if optimizer.space and optimizer not in unfinished[:index]:
            progress.notice(f"{optimizer.label}: {Space.from_json(optimizer.space).describe()}.")


def _study_specs(
    request: TuneRequest, task: TaskSpec, optimizers: Sequence[OptimizerSpec], compute: ComputeSpec
) -> list[StudySpec]:
    schedules = load_schedules(request.schedule, task.name)
    return [
        StudySpec(
            task=task,
            optimizer=optimizer,
            schedule=schedules[load_optimizer(optimizer).search],
            seed=seed,
            compute=compute,
        )
        for optimizer in optimizers
        for seed in range(request.seed, request.seed + request.seeds)
    ]
