"""Searches on Ray, as the program sees them: drivers are started, served and, if they are lost, replaced."""

from __future__ import annotations

from collections.abc import Sequence

from lodo_bench import user_code
from lodo_bench.errors import EngineLost, UsageError
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines.ray.drive import SearchRequest, drive_search
from lodo_bench.tuner.engines.ray.guard import GuardedDriver
from lodo_bench.tuner.engines.ray.link import Lost, Served
from lodo_bench.tuner.engines.ray.local import scratch_directory
from lodo_bench.tuner.engines.ray.logs import keep_logs
from lodo_bench.tuner.engines.ray.shipping import modules_to_ship

# The cost of a shard: two actor calls, a step of Tune, and a transaction.
SHARD_OVERHEAD_SECONDS = 0.01
# Losses of a driver, one after the other without a result between them, at which the search ends.
_MAX_LOSSES = 3
# A driver leaves a cluster of others in order, if it can; one of our own just ends.
_LEAVE_SECONDS = 5.0


def run_on_ray(coordinator: Coordinator, cluster: Cluster, trainings: Sequence[TrainingSpec] = ()) -> None:
    """Evaluate all shards on a Ray cluster, by workers that live as long as the search.

    If Ray ends, by a fault of its own or because someone ends its processes, it is started again.

    Args:
        coordinator: schedules the shards.
        cluster: the workers to train in, and the cluster to connect to; one is started on this machine if it has none.
        trainings: one of each study. Tasks and optimizers that are given as a path are shipped to the cluster's nodes;
            machine code is loaded or compiled here, for all workers of this machine.

    Raises:
        KeyboardInterrupt: if the user stopped it; every completed shard is stored.
        UsageError: if the cluster does not respond or lacks the GPUs, or workers end as soon as they have started.
        EngineLost: if Ray ends again and again, or the cluster is gone; every completed shard is stored.
    """
    coordinator.shard_overhead = SHARD_OVERHEAD_SECONDS
    num_losses, cause = 0, ""
    while not coordinator.finished:
        try:
            num_results, lost = _attempt(coordinator, cluster, trainings)
        except UsageError as error:
            if not cause:
                raise
            raise EngineLost(f"{cause} It cannot be used again: {error.message}") from error
        if lost is None:
            return
        coordinator.recall()
        cause = lost
        num_losses = 1 if num_results else num_losses + 1
        if num_losses == _MAX_LOSSES:
            raise EngineLost(f"{cause} That was {num_losses} times without a result in between.")
        coordinator.notice(f"{cause} The search goes on with Ray started again.")


def _attempt(coordinator: Coordinator, cluster: Cluster, trainings: Sequence[TrainingSpec]) -> tuple[int, str | None]:
    """Search with one driver; return how many shards it has completed, and how it was lost, if it was."""
    names = [name for training in trainings for name in (training.task.name, training.optimizer.name)]
    is_remote = cluster.address is not None
    with scratch_directory() as scratch:
        request = SearchRequest(
            cluster,
            scratch,
            modules_to_ship(names) if is_remote else [],
            user_code.files_of(names),
            [] if is_remote else trainings,
        )
        with GuardedDriver(drive_search, request, scratch, _LEAVE_SECONDS if is_remote else 0.0) as driver:
            served = Served(coordinator, driver.connection)
            end = served.serve()
            return served.num_results, f"{end.reason}. {keep_logs(scratch)}" if isinstance(end, Lost) else None
