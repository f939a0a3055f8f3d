"""Execution of studies by an engine."""

from __future__ import annotations

from collections.abc import Sequence

from lodo_bench.compute.cpus import available_cpus
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.training.validation import check_device
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.coordinator import Coordinator, ProgressCallback, StudyWriter
from lodo_bench.tuner.engines.inline import run_inline
from lodo_bench.tuner.engines.processes import SHARD_OVERHEAD_SECONDS, run_in_processes
from lodo_bench.tuner.study import Study
from lodo_bench.tuner.worker import warm_up


def run_studies(studies: Sequence[Study], writer: StudyWriter, callback: ProgressCallback, cluster: Cluster) -> None:
    """Run all studies until they are finished. The results do not depend on `cluster`.

    Args:
        studies: the studies, new or to be resumed; finished ones are left alone.
        writer: stores every shard's result as soon as it is there.
        callback: receives the progress.
        cluster: the workers to train in.

    Raises:
        KeyboardInterrupt: if the user stopped it; every completed shard is stored.
        UsageError: if workers cannot be started, or a Ray cluster does not respond or lacks the GPUs.
    """
    coordinator = Coordinator(studies, writer, callback)
    if coordinator.finished:
        return
    trainings = [study.training([0]) for study in studies if not study.finished]
    if cluster.engine == "inline":
        for training in trainings:
            check_device(training.compute.device)
        coordinator.notice(f"Searching in this process ({cluster.reason}).")
        run_inline(coordinator)
    elif cluster.engine == "processes":
        workers = cluster.workers or available_cpus()
        coordinator.shard_overhead = SHARD_OVERHEAD_SECONDS
        coordinator.notice(f"Searching with up to {_count(workers)} on this machine ({cluster.reason}).")
        coordinator.num_workers = workers
        coordinator.report_activity()  # loading and compiling take seconds
        with no_garbage_collection():
            for training in trainings:
                warm_up(training)
        run_in_processes(coordinator, workers)
    else:
        from lodo_bench.tuner.engines.ray.run import run_on_ray

        coordinator.notice(f"Searching with Ray ({cluster.reason}).")
        run_on_ray(coordinator, cluster, trainings)


def _count(workers: int) -> str:
    return "1 worker process" if workers == 1 else f"{workers} worker processes"
