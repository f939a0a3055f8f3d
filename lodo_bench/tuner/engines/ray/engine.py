"""Execution of a search on a Ray cluster; a laptop is a cluster of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import ray
from ray import tune
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from typing_extensions import override

from lodo_bench.tuner.capacity import room_for_workers
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.engines.ray.dispatcher import Dispatcher
from lodo_bench.tuner.engines.ray.hooks import Hooks, SearchStopper, WorkerCallback, WorkerSearcher
from lodo_bench.tuner.engines.ray.pool import Mail, Scheduler, WorkerPool
from lodo_bench.tuner.engines.ray.trainable import SearchWorker


def search(coordinator: Scheduler, cluster: Cluster, scratch: Path, files: Mapping[str, bytes]) -> None:
    """Evaluate all shards on the cluster that this process is connected to.

    Args:
        coordinator: schedules the shards.
        cluster: the workers to train in.
        scratch: a directory for the files of Tune.
        files: for `user_code.provide`.

    Raises:
        UsageError: if the workers end as soon as they have started.
        RayError: if Ray fails.
    """
    name = f"lodo-bench-{uuid4().hex}"
    mail = _ActorMail(_start_dispatcher(name))
    pool = WorkerPool(coordinator, mail, cluster.workers, lambda: _room(cluster.gpus_per_worker))
    hooks = Hooks(pool)
    tuner = tune.Tuner(
        tune.with_resources(SearchWorker, {"cpu": 1, "gpu": cluster.gpus_per_worker}),
        tune_config=tune.TuneConfig(search_alg=WorkerSearcher(hooks, name, files), num_samples=-1),
        run_config=tune.RunConfig(
            storage_path=str(scratch),
            verbose=0,
            callbacks=[WorkerCallback(hooks)],
            stop=SearchStopper(hooks),
            failure_config=tune.FailureConfig(max_failures=-1),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    tuner.fit()
    if hooks.error is not None:
        raise hooks.error
    if not coordinator.finished:
        raise RayError("Tune has ended before the search")


def _room(gpus_per_worker: float) -> int:
    return room_for_workers(ray.nodes(), gpus_per_worker)  # type: ignore[no-untyped-call]


class _ActorMail(Mail):
    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher

    @override
    def put(self, shards: Mapping[str, bytes]) -> None:
        self._dispatcher.put.remote(shards)

    @override
    def forget(self, mailbox: str) -> None:
        self._dispatcher.forget.remote(mailbox)

    @override
    def stop(self) -> None:
        self._dispatcher.stop.remote()


def _start_dispatcher(name: str) -> Any:
    """Start the dispatcher on the driver's own machine, with which it is lost, if ever."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    options = {"name": name, "num_cpus": 0, "max_restarts": -1, "scheduling_strategy": here, "max_concurrency": 10_000}
    return ray.remote(Dispatcher).options(**options).remote()
