"""Experiments: the paper's tables and figures, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.api.computing import notice_slow_backend, resolve_backend, resolve_workers
from lodo_bench.api.database import script
from lodo_bench.api.progress import ProgressReporter, SilentReporter
from lodo_bench.api.reading import open_store
from lodo_bench.api.requests import ReproduceRequest
from lodo_bench.errors import DatabaseNotFoundError
from lodo_bench.experiments import reproduce
from lodo_bench.experiments.estimate import WorkItem, duration_of, missing_work
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.experiments.plan import ExecutionConfig, Plan, make_plan
from lodo_bench.experiments.reproduce import Reproduction
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.training.validation import check_device


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
    plan = _plan(request)
    experiment, execution = plan.experiment, plan.execution
    progress.notice(f"{experiment.title}, scale {experiment.scale}")
    notice_slow_backend(ComputeSpec(execution.device, backend=execution.backend), progress)
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
    plan = _plan(request)
    try:
        store: Store | None = open_store(request.db, progress.notice)
    except DatabaseNotFoundError:
        store = None
    items = tuple(missing_work(plan, store))
    return Estimate(plan, items, duration_of(items, plan.execution))


def _plan(request: ReproduceRequest) -> Plan:
    experiment = load_experiment(request.experiment, request.scale)
    cluster = resolve_workers(request.workers)
    check_device(cluster.device)
    return make_plan(experiment, ExecutionConfig(cluster.device, resolve_backend("auto", cluster.device), cluster))
