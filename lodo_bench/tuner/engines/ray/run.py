"""Connection to a cluster, search, and disconnection. Ray is imported when a search asks for it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

from lodo_bench import user_code
from lodo_bench.compute.cpus import available_cpus
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.training.interrupts import preserve_signal_handlers
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines.ray.authentication import preserve_authentication
from lodo_bench.tuner.engines.ray.local import scratch_directory, start_local
from lodo_bench.tuner.engines.ray.remote import join_cluster
from lodo_bench.tuner.engines.ray.settings import apply_settings
from lodo_bench.tuner.engines.ray.shipping import modules_to_ship
from lodo_bench.tuner.worker import warm_up

# The cost of a shard: two actor calls, a step of Tune, and a transaction.
SHARD_OVERHEAD_SECONDS = 0.01


def run_on_ray(coordinator: Coordinator, cluster: Cluster, trainings: Sequence[TrainingSpec] = ()) -> None:
    """Evaluate all shards on a Ray cluster, by workers that live as long as the search.

    Args:
        coordinator: schedules the shards.
        cluster: the workers to train in, and the cluster to connect to; one is started on this machine if it has none.
        trainings: one of each study. Tasks and optimizers that are given as a path are shipped to the cluster's nodes;
            machine code is loaded or compiled here, for all workers of this machine.

    Raises:
        KeyboardInterrupt: if the user stopped it; every completed shard is stored.
        UsageError: if the cluster does not respond or lacks the GPUs, or workers end as soon as they have started.
    """
    apply_settings()
    coordinator.shard_overhead = SHARD_OVERHEAD_SECONDS
    to_compile = [] if cluster.address is not None else trainings
    names = [name for training in trainings for name in (training.task.name, training.optimizer.name)]
    preparation = threading.Thread(target=_prepare, args=(to_compile,), daemon=True)
    preparation.start()  # while Ray starts its processes
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)  # the coordinator reports lost workers
    # Ray's handlers end the program at once on SIGTERM, and shutting Ray down removes them and ours.
    with preserve_signal_handlers(), preserve_authentication(), scratch_directory() as scratch:
        try:
            with redirect_stdout(sys.stderr):  # Ray prints reports of its processes
                with preserve_signal_handlers():
                    _connect(cluster, names, scratch)
                _check_gpus(cluster)
                preparation.join()
                from lodo_bench.tuner.engines.ray.engine import search

                search(coordinator, cluster, scratch, user_code.files_of(names))
        finally:
            ray.shutdown()


def _prepare(trainings: Sequence[TrainingSpec]) -> None:
    import_module("lodo_bench.tuner.engines.ray.engine")
    for training in trainings:
        warm_up(training)


def _connect(cluster: Cluster, names: Sequence[str], scratch: Path) -> None:
    if cluster.address is None:
        start_local(cluster.workers or available_cpus(), scratch)
    else:
        join_cluster(cluster.address, modules_to_ship(names))


def _check_gpus(cluster: Cluster) -> None:
    import ray

    gpus = ray.cluster_resources().get("GPU", 0.0)  # type: ignore[no-untyped-call]
    if cluster.gpus_per_worker > gpus:
        raise UsageError(
            f"{cluster.gpus_per_worker:g} GPUs per worker were requested, but the cluster has {gpus:g}.",
            remedy=Remedy.FEWER_GPUS,
        )
