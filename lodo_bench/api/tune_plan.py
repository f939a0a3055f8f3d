"""Plans of searches: all that a request to tune would do, computed without storing anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lodo_bench.api.progress import ProgressReporter
from lodo_bench.api.reading import open_store
from lodo_bench.api.requests import TuneRequest
from lodo_bench.api.tune import requested_studies
from lodo_bench.errors import DatabaseNotFoundError
from lodo_bench.experiments.estimate import WorkItem, search_item
from lodo_bench.experiments.speeds import Speeds
from lodo_bench.optimizers import load_optimizer
from lodo_bench.results.store import Store
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.study import StudyRecord, StudySpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.footprint import footprint
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.study import max_shard_size


@dataclass(frozen=True, slots=True)
class PlannedSearch:
    """One search.

    Attributes:
        spec: the search.
        record: the stored study that is reused or resumed; None for a new one.
        space: the hyperparameters that are searched; none in a meta-training.
        dimension: the number of the task's parameters.
        rest: the work that the database lacks; None if the study is finished.
        together: the largest number of individuals that a worker trains at a time.
        state_bytes: the memory of their parameters, gradients and states; None if nothing is left to train.
    """

    spec: StudySpec
    record: StudyRecord | None
    space: tuple[HyperparameterSpec, ...]
    dimension: int
    rest: WorkItem | None
    together: int
    state_bytes: int | None

    @property
    def num_individuals(self) -> int:
        """The individuals of the whole search."""
        return self.spec.schedule.population * len(self.spec.schedule.generations)

    @property
    def num_steps(self) -> int:
        """The training steps of all of its individuals."""
        return self.spec.schedule.population * sum(plan.steps for plan in self.spec.schedule.generations)

    @property
    def num_evaluated(self) -> int:
        """The individuals that are stored already."""
        return 0 if self.record is None else len(self.record.individuals)


@dataclass(frozen=True, slots=True)
class TunePlan:
    """All searches of a request.

    Attributes:
        searches: one for each study, in order.
        cluster: the workers.
        num_workers: the number of workers; None for as many as a cluster has room for.
    """

    searches: tuple[PlannedSearch, ...]
    cluster: Cluster
    num_workers: int | None

    @property
    def seconds(self) -> float:
        """The expected duration, without searches of unknown speed; NaN if it is unknown altogether."""
        rests = [(search, search.rest) for search in self.searches if search.rest is not None]
        known = [(search, rest.seconds) for search, rest in rests if not math.isnan(rest.seconds)]
        if rests and (not known or self.num_workers is None):
            return math.nan
        # The epochs of a meta-training follow each other, however many workers there are.
        serial = [seconds for search, seconds in known if not search.space]
        return max([sum(seconds for _, seconds in known) / (self.num_workers or 1), *serial])


def plan_tune(request: TuneRequest, progress: ProgressReporter) -> TunePlan:
    """Return the searches that a request asks for. Nothing is stored, and no database is created.

    Raises:
        UsageError: for invalid arguments.
    """
    specs, cluster = requested_studies(request, progress)
    store = _existing_store(request, progress)
    speeds = Speeds(store, lambda _: specs[0].compute)
    searches = [_planned(spec, None if request.fresh else store, speeds) for spec in specs]
    return TunePlan(tuple(searches), cluster, _num_workers(cluster, searches))


def _existing_store(request: TuneRequest, progress: ProgressReporter) -> Store | None:
    try:
        return open_store(request.db, progress.notice)
    except DatabaseNotFoundError:
        return None


def _planned(spec: StudySpec, store: Store | None, speeds: Speeds) -> PlannedSearch:
    found = None if store is None else store.find_study(spec)
    record = None if store is None or found is None else store.study(found.id)
    optimizer = load_optimizer(spec.optimizer)
    is_finished = record is not None and record.status == "finished"
    together = max_shard_size(spec)
    return PlannedSearch(
        spec=spec,
        record=record,
        space=() if optimizer.search == "meta-training" else tuple(optimizer.hyperparameters),
        dimension=TASKS.load(spec.task.name).dimension_for(spec.task.options),
        rest=None if is_finished else search_item(spec, record, speeds),
        together=together,
        state_bytes=None if is_finished else footprint(spec.task, spec.optimizer, spec.compute).of(together),
    )


def _num_workers(cluster: Cluster, searches: Sequence[PlannedSearch]) -> int | None:
    """Return the number of workers that have something to do; with a single one, this process is it."""
    if cluster.workers is None and cluster.address is not None:
        return None
    most = sum(search.spec.schedule.population for search in searches if search.rest is not None)
    if cluster.workers is not None:
        most = min(most, cluster.workers)
    if cluster.workers is None or (cluster.address is None and cluster.device == "cuda"):
        most = min(most, cluster.room_here)
    return max(1, most)
