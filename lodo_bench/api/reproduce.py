"""Experiments: the paper's tables and figures, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lodo_bench.api.computing import resolve_backend, resolve_workers, settle_backend
from lodo_bench.api.database import script
from lodo_bench.api.progress import ProgressReporter, SilentReporter
from lodo_bench.api.reading import open_store
from lodo_bench.api.requests import ReproduceRequest
from lodo_bench.errors import DatabaseNotFoundError, UsageError
from lodo_bench.experiments import reproduce
from lodo_bench.experiments.estimate import WorkItem, duration_of, missing_work
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.experiments.plan import ExecutionConfig, Plan, check_memory_of, make_plan
from lodo_bench.experiments.reproduce import Reproduction
from lodo_bench.experiments.spec import Experiment, Requirement
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.training.validation import check_device
from lodo_bench.tuner.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Estimate:
    """The work that an experiment lacks in the database.

    Attributes:
        plan: the experiment.
        items: the missing pieces of work.
        seconds: their expected duration.
    """

    plan: Plan
    items: tuple[WorkItem, ...]
    seconds: float


def execute_reproduce(request: ReproduceRequest, progress: ProgressReporter | None = None) -> Reproduction:
    """Tune and run what the database lacks of an experiment, then write its tables and figures.

    Raises:
        UsageError: if data, a device or hyperparameters are missing, or the output cannot be written.
        KeyboardInterrupt: if interrupted; everything finished is stored.
    """
    progress = progress or SilentReporter()
    experiment, cluster = _asked(request)
    progress.notice(f"{experiment.title}, scale {experiment.scale}")
    plan = _plan(experiment, cluster, progress)
    return reproduce.reproduce(
        plan,
        f"results/{experiment.name}-{experiment.scale}" if request.output is None else request.output,
        request.command or script(),
        lambda provenance: Store(Database(request.db, create=True, on_notice=progress.notice), provenance),
        progress,
    )


def estimate(request: ReproduceRequest, progress: ProgressReporter) -> Estimate:
    """Return the work that an experiment lacks in the database, and its expected duration.

    Raises:
        UsageError: if there is no such experiment.
    """
    plan = _plan(*_asked(request), progress)
    try:
        check_memory_of(plan)
    except UsageError as error:  # it may be meant for another machine
        progress.notice(str(error))
    try:
        store: Store | None = open_store(request.db, progress.notice)
    except DatabaseNotFoundError:
        store = None
    items = tuple(missing_work(plan, store))
    return Estimate(plan, items, duration_of(items, plan.execution))


def _asked(request: ReproduceRequest) -> tuple[Experiment, Cluster]:
    experiment = load_experiment(request.experiment, request.scale)
    cluster = resolve_workers(request.workers)
    check_device(cluster.device)
    return experiment, cluster


def _plan(experiment: Experiment, cluster: Cluster, progress: ProgressReporter) -> Plan:
    """Return the plan with the fastest backend whose code works for all of its trainings."""
    plan = make_plan(experiment, ExecutionConfig(cluster.device, resolve_backend("auto", cluster.device), cluster))
    kinds = {(c.task.name, c.optimizer.label): c for c in plan.conditions}
    trainings = [(c.task, c.optimizer, plan.execution.compute_for(c.task)) for c in kinds.values()]
    if not trainings or experiment.requires == Requirement.NOTHING:
        return plan
    backend = settle_backend("auto", trainings, progress)
    return make_plan(experiment, replace(plan.execution, backend=backend))
