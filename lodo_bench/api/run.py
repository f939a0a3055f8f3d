"""Final runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch.optim import Optimizer as TorchOptimizer

from lodo_bench.analysis.edges import edges_of_runs
from lodo_bench.api.computing import compute_spec, resolve_device, settle_backend
from lodo_bench.api.database import create_store
from lodo_bench.api.evaluation import notice_long_evaluation
from lodo_bench.api.progress import ProgressReporter, SilentReporter
from lodo_bench.api.requests import DEFAULT_DATABASE, RunRequest
from lodo_bench.api.searches import notice_searches
from lodo_bench.api.subjects import find_subjects
from lodo_bench.errors import Remedy, UsageError, check_choice
from lodo_bench.optimizers import OPTIMIZERS, load_optimizer
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.report.formatting import hyperparameter_text
from lodo_bench.results.store import Store
from lodo_bench.runs.execute import CheckpointPlan, execute_run_set, remove_finished_checkpoints, threads_of
from lodo_bench.runs.facts import facts_of
from lodo_bench.runs.hyperparameters import HyperparameterRequest, choose
from lodo_bench.runs.replicates import run_set_specs
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.options import Value, resolve
from lodo_bench.spec.run_set import SOURCES, Hyperparameters, RunSetRecord, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task
from lodo_bench.training.footprint import check_memory, lockstep_size
from lodo_bench.training.preflight import preflight
from lodo_bench.training.validation import validate


def run(
    optimizer: str | type[Optimizer] | type[TorchOptimizer] | None = None,
    task: str | type[Task] | None = None,
    *,
    seeds: int = 8,
    steps: int | None = None,
    seconds: float | None = None,
    hyperparameters: Mapping[str, Value] | None = None,
    source: str | None = None,
    studies: Sequence[int] = (),
    timed: bool = True,
    fair_clock: bool = False,
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
) -> list[RunSetRecord]:
    """Run final, timed training runs over several seeds and store their learning curves (LODO §5).

    The same call resumes runs that were interrupted, and returns those that are finished; a run that fails is stored
    with its reason.

    Tuned hyperparameters are the results of all independent searches of the same kind: of those with the largest
    planned budget. Each search has a run set of its own.

    Args:
        optimizer: an optimizer's name, a path `package.module:Class`, a file `my.py:Class`, or a class of a module,
            also one of torch.optim's interface; None for those of the studies.
        task: a task, given likewise; None for that of the studies, or `quadratic`.
        seeds: number of runs in each run set, >= 1: in the r-th, r = 0, 1, ..., with the seeds r·seeds and following.
            If neither the optimizer nor the task is random, a single run stands for all.
        steps: step milestone, >= 1; by default the paper's for the task.
        seconds: time milestone, > 0: train for at least this many seconds, too.
        hyperparameters: values that replace those of the source, by name.
        source: `tuned`, `paper` or `default`; by default the first of them that is available.
        studies: numbers of the searches to take the results of, instead of a choice among all.
        timed: one run at a time, timed; otherwise all seeds as one batch: faster, same losses, no timing.
        fair_clock: time all optimizers alike, without compiled loops: use backend `torch`.
        task_options: options of the task by name.
        optimizer_options: structural options of the optimizer by name.
        space: search space of an adapted optimizer, the path of a YAML file or the name of a shipped one; values tuned
            in another space are not used.
        recipe: the training recipe around the update, by name; `tune` as a value makes it a
            hyperparameter.
        device: `cpu` or `cuda`.
        dtype: `float32` or `float64`; by default the task's own choice.
        backend: `auto`, `torch`, `numba` (CPU) or `triton` (GPU).
        fresh: start over instead of resuming unfinished runs or reusing finished ones.
        checkpoint_every: seconds between checkpoints, which take at most 5 % of the time.
        db: results database, a file or an SQLAlchemy URL.
        progress: receives the progress.

    Returns:
        One run set for each search, in the order of their seeds; one for hyperparameters from elsewhere.

    Raises:
        UsageError: for invalid arguments.
        KeyboardInterrupt: if interrupted; finished runs and the checkpoint of the current one are stored.
    """
    request = RunRequest(
        optimizers=() if optimizer is None else (_name(optimizer),),
        task=task if task is None or isinstance(task, str) else TASKS.name_of(task),
        seeds=seeds,
        steps=steps,
        seconds=seconds,
        hyperparameters=hyperparameters or {},
        source=source,
        studies=tuple(studies),
        timed=timed,
        fair_clock=fair_clock,
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
    return execute_run(request, progress)


def execute_run(request: RunRequest, progress: ProgressReporter | None = None) -> list[RunSetRecord]:
    """Carry out a request for final runs; see `run`. Returns the run sets of all optimizers, in their order."""
    progress = progress or SilentReporter()
    _check_values(request)
    task, subjects = find_subjects(request, progress.notice)
    wanted = [
        HyperparameterRequest(request.source, _given(optimizer, request.hyperparameters), studies)
        for optimizer, studies in subjects
    ]
    optimizers = [optimizer for optimizer, _ in subjects]
    device = resolve_device(request.device)
    backend = "torch" if request.fair_clock else request.backend
    compute = compute_spec(device, request.dtype, backend, task.name)
    for optimizer in optimizers:
        validate(task, optimizer, compute)
    settled = settle_backend(backend, [(task, optimizer, compute) for optimizer in optimizers], progress)
    compute = replace(compute, backend=settled)
    for optimizer in optimizers:
        steps = _steps(request, task)
        seeds = 1 if request.timed else lockstep_size(task, optimizer, compute, steps, request.seeds)
        check_memory(task, optimizer, compute, seeds)
        preflight(task, optimizer, compute, steps)
    store = create_store(request, device, [task.name], threads_of(task.name), progress)
    choices = [choose(task, each, asked, store) for each, asked in zip(optimizers, wanted, strict=True)]
    specs: list[RunSetSpec] = []
    for optimizer, choice in zip(optimizers, choices, strict=True):
        notice_searches(choice.searches, store.location, progress)
        specs += _run_set_specs(request, task, optimizer, compute, choice.hyperparameters)
    notice_long_evaluation(specs, progress)
    progress.planned(specs)
    return [_execute(spec, store, request, progress) for spec in specs]


def _name(optimizer: str | type[Optimizer] | type[TorchOptimizer]) -> str:
    return optimizer if isinstance(optimizer, str) else OPTIMIZERS.name_of(optimizer)


def _check_values(request: RunRequest) -> None:
    if request.source is not None:
        check_choice(request.source, SOURCES, "source of hyperparameters")
    if request.studies and request.source not in (None, "tuned"):
        raise UsageError(
            f"studies have tuned hyperparameters, and '{request.source}' asks for others. Omit one of the two."
        )
    if request.seconds is not None and not request.timed:
        raise UsageError("untimed runs cannot have a time milestone. Omit one of them.")
    if request.fair_clock and request.backend not in ("auto", "torch"):
        raise UsageError(f"a fair clock and backend '{request.backend}' conflict. Omit one of them.")
    if request.fair_clock and not request.timed:
        raise UsageError("untimed runs have no clock to be fair. Omit one of them.")


def _given(optimizer: OptimizerSpec, hyperparameters: Mapping[str, Value]) -> dict[str, float]:
    """Return the given hyperparameters, checked, by full name."""
    table = load_optimizer(optimizer).hyperparameters
    checked = resolve(table, hyperparameters, f"optimizer {optimizer.name}", "hyperparameter")
    return {name: float(value) for name, value in checked.items()}


def _steps(request: RunRequest, task: TaskSpec) -> int:
    return request.steps or TASKS.load(task.name).step_milestone


def _run_set_specs(
    request: RunRequest,
    task: TaskSpec,
    optimizer: OptimizerSpec,
    compute: ComputeSpec,
    hyperparameters: Sequence[Hyperparameters],
) -> list[RunSetSpec]:
    spec = RunSetSpec(
        task=task,
        optimizer=optimizer,
        hyperparameters=hyperparameters[0],
        steps=_steps(request, task),
        seconds=request.seconds,
        num_seeds=request.seeds,
        timed=request.timed,
        compute=compute,
    )
    return run_set_specs(spec, hyperparameters)


def _execute(spec: RunSetSpec, store: Store, request: RunRequest, progress: ProgressReporter) -> RunSetRecord:
    values = hyperparameter_text(spec.hyperparameters, edges_of_runs(spec.optimizer, spec.hyperparameters))
    progress.notice(f"{spec.optimizer.label} on {spec.task.label}, {spec.hyperparameters.label}: {values}")
    if spec.deterministic and request.seeds > 1:
        progress.notice(
            f"One run stands for all {request.seeds}: neither {spec.optimizer.name} nor {spec.task.name} draws random "
            f"numbers here, so that no seed changes anything."
        )
    opened = store.open_run_set(spec, fresh=request.fresh, facts=facts_of(spec))
    plan = None if store.folder is None else CheckpointPlan(store.folder, request.checkpoint_every)
    if not opened.missing_seeds:
        remove_finished_checkpoints(opened, plan)
        runs = "its only run" if spec.num_seeds == 1 else f"all {spec.num_seeds} runs"
        progress.advise(f"Nothing to do: run set {opened.id} has {runs}.", Remedy.RUN_AGAIN)
        return store.run_set(opened.id)
    if opened.runs:
        progress.notice(
            f"Resuming run set {opened.id}: {len(opened.missing_seeds)} of {spec.num_seeds} runs remaining."
        )
    with progress.running(spec) as callback:
        execute_run_set(opened, store, callback, plan)
    return store.run_set(opened.id)
