"""Final runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch.optim import Optimizer as TorchOptimizer

from lodo_bench.analysis.edges import edges_of_runs
from lodo_bench.api.computing import compute_spec, notice_missing_numba, resolve_device
from lodo_bench.api.database import create_store
from lodo_bench.api.evaluation import notice_long_evaluation
from lodo_bench.api.progress import ProgressReporter, SilentReporter
from lodo_bench.api.requests import DEFAULT_DATABASE, RunRequest
from lodo_bench.errors import UsageError, check_choice
from lodo_bench.optimizers import OPTIMIZERS, load_optimizer, optimizer_spec
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.report.formatting import hyperparameter_text
from lodo_bench.results.store import Store
from lodo_bench.runs.execute import CheckpointPlan, execute_run_set, threads_of
from lodo_bench.runs.hyperparameters import choose
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.options import Value, resolve
from lodo_bench.spec.run_set import SOURCES, RunSetRecord, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tasks.base import Task
from lodo_bench.training.preflight import preflight
from lodo_bench.training.validation import validate


def run(
    optimizer: str | type[Optimizer] | type[TorchOptimizer],
    task: str | type[Task] = "quadratic",
    *,
    seeds: int = 8,
    steps: int | None = None,
    seconds: float | None = None,
    hyperparameters: Mapping[str, Value] | None = None,
    source: str | None = None,
    timed: bool = True,
    task_options: Mapping[str, Value] | None = None,
    optimizer_options: Mapping[str, Value] | None = None,
    space: str | None = None,
    recipe: Mapping[str, Value] | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    backend: str = "auto",
    fresh: bool = False,
    checkpoint_every: float = 120.0,
    db: str = DEFAULT_DATABASE,
    progress: ProgressReporter | None = None,
) -> RunSetRecord:
    """Run final, timed training runs over several seeds and store their learning curves (LODO §5).

    The same call resumes runs that were interrupted; a run that fails is stored with its reason.

    Args:
        optimizer: an optimizer's name, a path `package.module:Class`, a file `my.py:Class`, or a class of a module,
            also one of torch.optim's interface.
        task: a task, given likewise.
        seeds: number of runs, >= 1, with the seeds 0, 1, ...
        steps: step milestone, >= 1; by default the paper's for the task.
        seconds: time milestone, > 0: train for at least this many seconds, too.
        hyperparameters: values that replace those of the source, by name.
        source: `tuned`, `paper` or `default`; by default the first of them that is available.
        timed: one run at a time, timed; otherwise all seeds as one batch: faster, same losses, no timing.
        task_options: options of the task by name.
        optimizer_options: structural options of the optimizer by name.
        space: search space of an adapted optimizer, the path of a YAML file or the name of a shipped one; values tuned
            in another space are not used.
        recipe: the training recipe around the update, by name; `tune` as a value makes it a
            hyperparameter.
        device: `cpu` or `cuda`.
        dtype: `float32` or `float64`; by default the task's own choice.
        backend: `auto`, `torch`, `numba` (CPU) or `triton` (GPU).
        fresh: start over instead of resuming unfinished runs.
        checkpoint_every: seconds between checkpoints, which take at most 5 % of the time.
        db: results database, a file or an SQLAlchemy URL.
        progress: receives the progress.

    Raises:
        UsageError: for invalid arguments.
        KeyboardInterrupt: if interrupted; finished runs and the checkpoint of the current one are stored.
    """
    request = RunRequest(
        optimizers=(optimizer if isinstance(optimizer, str) else OPTIMIZERS.name_of(optimizer),),
        task=task if isinstance(task, str) else TASKS.name_of(task),
        seeds=seeds,
        steps=steps,
        seconds=seconds,
        hyperparameters=hyperparameters or {},
        source=source,
        timed=timed,
        task_options=task_options or {},
        optimizer_options=optimizer_options or {},
        space=space,
        recipe=recipe or {},
        device=device,
        dtype=dtype,
        backend=backend,
        fresh=fresh,
        checkpoint_every=checkpoint_every,
        db=db,
    )
    return execute_run(request, progress)[0]


def execute_run(request: RunRequest, progress: ProgressReporter | None = None) -> list[RunSetRecord]:
    """Carry out a request for final runs; see `run`. Returns one run set for each optimizer."""
    progress = progress or SilentReporter()
    _check_numbers(request)
    task = task_spec(request.task, request.task_options)
    optimizers = _optimizer_specs(request)
    given = [_given(optimizer, request.hyperparameters) for optimizer in optimizers]
    device = resolve_device(request.device)
    compute = compute_spec(device, request.dtype, request.backend, task.name)
    for optimizer in optimizers:
        validate(task, optimizer, compute)
    notice_missing_numba(compute, progress)
    for optimizer in optimizers:
        preflight(task, optimizer, compute, request.steps or TASKS.load(task.name).step_milestone)
    store = create_store(request, device, [task.name], threads_of(task.name), progress)
    specs = [
        _run_set_spec(request, task, optimizer, compute, values, store)
        for optimizer, values in zip(optimizers, given, strict=True)
    ]
    notice_long_evaluation(specs, progress)
    progress.planned(specs)
    return [_execute(spec, store, request, progress) for spec in specs]


def _check_numbers(request: RunRequest) -> None:
    if request.source is not None:
        check_choice(request.source, SOURCES, "source of hyperparameters")
    for name, number in (("seeds", request.seeds), ("steps", request.steps)):
        if number is not None and number < 1:
            raise UsageError(f"invalid {name} = {number}: must be 1 or greater.")
    if request.seconds is not None and not (math.isfinite(request.seconds) and request.seconds > 0):
        raise UsageError(f"invalid seconds = {request.seconds:g}: must be a finite number greater than 0.")
    if request.seconds is not None and not request.timed:
        raise UsageError("untimed runs cannot have a time milestone. Omit one of them.")
    if not (math.isfinite(request.checkpoint_every) and request.checkpoint_every >= 0):
        raise UsageError(
            f"invalid checkpoint_every = {request.checkpoint_every:g}: must be a finite number, 0 or greater."
        )


def _optimizer_specs(request: RunRequest) -> list[OptimizerSpec]:
    names = list(dict.fromkeys(request.optimizers))
    if not names:
        raise UsageError("no optimizer given. Name at least one.")
    if request.optimizer_options and len(names) != 1:
        raise UsageError("optimizer options require exactly one optimizer. Name only the one they belong to.")
    if request.space is not None and len(names) != 1:
        raise UsageError("a search space requires exactly one optimizer. Name only the one it belongs to.")
    return [optimizer_spec(name, request.optimizer_options, request.recipe, request.space) for name in names]


def _given(optimizer: OptimizerSpec, hyperparameters: Mapping[str, Value]) -> dict[str, float]:
    """Return the given hyperparameters, checked, by full name."""
    table = load_optimizer(optimizer).hyperparameters
    checked = resolve(table, hyperparameters, f"optimizer {optimizer.name}", "hyperparameter")
    return {name: float(value) for name, value in checked.items()}


def _run_set_spec(
    request: RunRequest,
    task: TaskSpec,
    optimizer: OptimizerSpec,
    compute: ComputeSpec,
    given: Mapping[str, float],
    store: Store,
) -> RunSetSpec:
    return RunSetSpec(
        task=task,
        optimizer=optimizer,
        hyperparameters=choose(task, optimizer, request.source, given, store),
        steps=request.steps or TASKS.load(task.name).step_milestone,
        seconds=request.seconds,
        num_seeds=request.seeds,
        timed=request.timed,
        compute=compute,
    )


def _execute(spec: RunSetSpec, store: Store, request: RunRequest, progress: ProgressReporter) -> RunSetRecord:
    values = hyperparameter_text(spec.hyperparameters, edges_of_runs(spec.optimizer, spec.hyperparameters))
    progress.notice(f"{spec.optimizer.label} on {spec.task.label}, {spec.hyperparameters.label}: {values}")
    opened = store.open_run_set(spec, fresh=request.fresh)
    plan = None if store.folder is None else CheckpointPlan(store.folder, request.checkpoint_every)
    if opened.runs:
        progress.notice(
            f"Resuming run set {opened.id}: {len(opened.missing_seeds)} of {spec.num_seeds} runs remaining."
        )
    with progress.running(spec) as callback:
        execute_run_set(opened, store, callback, plan)
    return store.run_set(opened.id)
