"""Execution of studies, in this process or on a Ray cluster (a laptop is a cluster of one)."""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.compute import Device
from lodo_bench.tasks import TASKS
from lodo_bench.training.interrupts import preserve_signal_handlers
from lodo_bench.training.validation import check_device
from lodo_bench.tuner.coordinator import Coordinator, ProgressCallback, StudyWriter
from lodo_bench.tuner.study import Study
from lodo_bench.tuner.worker import evaluate

# Individuals in a shard. More make the arithmetic cheaper for each, fewer share a generation among more workers.
_SHARD_SIZE = 8
_OBJECT_STORE_BYTES = 100_000_000
_CONNECT_SECONDS = 10
_FORWARDED_ENV = ("LODO_BENCH_DATA",)

_QUIET: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
# These keep Ray quiet, leave Ctrl-C to us, and make it write only the files that it needs itself.
_RAY_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """The processes that a search trains in.

    Attributes:
        workers: the number of worker processes; 0 trains in this process, None starts one worker for each CPU.
        gpus_per_worker: the share of a GPU that each takes; 0 trains on the CPU.
        address: the address of a running Ray cluster; None starts one on this machine.

    Raises:
        UsageError: if training in this process is combined with a Ray cluster or several GPUs.
    """

    workers: int | None = None
    gpus_per_worker: float = 0.0
    address: str | None = None

    def __post_init__(self) -> None:
        if self.workers != 0:
            return
        if self.address is not None:
            raise UsageError(
                f"without workers, training runs in this process and cannot use the Ray cluster at '{self.address}'.",
                remedy=Remedy.USE_WORKERS,
            )
        if self.gpus_per_worker > 1:
            raise UsageError(
                f"without workers, training runs in this process, which uses one GPU at most, not "
                f"{self.gpus_per_worker:g}.",
                remedy=Remedy.FEWER_GPUS,
            )

    @property
    def device(self) -> Device:
        """The device that the workers train on."""
        return "cuda" if self.gpus_per_worker else "cpu"


def shard_size(task: str) -> int:
    """Return the number of individuals that are trained together on `task`."""
    return min(_SHARD_SIZE, TASKS.load(task).max_population or _SHARD_SIZE)


def run_studies(studies: Sequence[Study], writer: StudyWriter, callback: ProgressCallback, cluster: Cluster) -> None:
    """Run all studies until they are finished. The results do not depend on `cluster`.

    Args:
        studies: the studies, new or to be resumed; finished ones are left alone.
        writer: stores every shard's result as soon as it is there.
        callback: receives the progress.
        cluster: the processes to train in.

    Raises:
        KeyboardInterrupt: if the user stopped it; every completed shard is stored.
        UsageError: if the cluster does not respond or lacks the GPUs.
    """
    coordinator = Coordinator(studies, writer, callback)
    if coordinator.finished:
        return
    if cluster.workers == 0:
        for study in studies:
            check_device(study.spec.compute.device)
        _run_here(coordinator)
    else:
        _run_on_ray(coordinator, cluster)


def _run_here(coordinator: Coordinator) -> None:
    while (shard := coordinator.next_shard()) is not None:
        coordinator.complete(shard, evaluate(shard))


def _run_on_ray(coordinator: Coordinator, cluster: Cluster) -> None:
    os.environ.update({name: os.environ.get(name, value) for name, value in _RAY_SETTINGS.items()})
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)  # the coordinator reports lost workers
    # Ray's handlers end the program at once on SIGTERM, and shutting Ray down removes them and ours.
    with preserve_signal_handlers():
        try:
            with redirect_stdout(sys.stderr):  # Ray prints reports of its processes
                with preserve_signal_handlers():
                    _connect(cluster)
                _fit(coordinator, cluster)
        finally:
            ray.shutdown()


def _connect(cluster: Cluster) -> None:
    if cluster.address is None:
        _start_cluster(cluster.workers)
    else:
        _join_cluster(cluster.address)
    gpus = _resources().get("GPU", 0.0)
    if cluster.gpus_per_worker > gpus:
        raise UsageError(
            f"{cluster.gpus_per_worker:g} GPUs per worker were requested, but the cluster has {gpus:g}.",
            remedy=Remedy.FEWER_GPUS,
        )


def _start_cluster(workers: int | None) -> None:
    import ray

    try:
        ray.init(
            address="local",
            num_cpus=workers,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **_QUIET,
        )
    except OSError as error:
        raise UsageError(
            f"Ray cannot start: {error}. Its sockets need a temporary directory with a short path.",
            remedy=Remedy.SHORTEN_TEMPORARY_DIRECTORY,
        ) from None
    except Exception as error:  # what Ray raises when a process of its own does not start in time
        raise UsageError(
            f"Ray cannot start: {_first_line(error)}. Rerun the command when the machine is less busy.",
            remedy=Remedy.USE_ONE_PROCESS,
        ) from error


def _join_cluster(address: str) -> None:
    import ray

    try:
        _check_reachable(address)
        ray.init(address=address, runtime_env={"env_vars": _forwarded_env()}, **_QUIET)
    except Exception as error:  # Ray has no class of its own for this
        raise UsageError(
            f"no Ray cluster responds at '{address}': {_first_line(error)}.", remedy=Remedy.CHOOSE_CLUSTER
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


def _forwarded_env() -> dict[str, str]:
    """Return the environment variables that workers on other machines need."""
    return {name: os.environ[name] for name in _FORWARDED_ENV if name in os.environ}


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at a `host:port`: Ray itself would retry for many minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()


def _resources() -> dict[str, float]:
    import ray

    return dict(ray.cluster_resources())  # type: ignore[no-untyped-call]


def _fit(coordinator: Coordinator, cluster: Cluster) -> None:
    from ray import tune

    from lodo_bench.tuner.searcher import ShardSearcher, ShardTrainable

    searcher = ShardSearcher(coordinator)
    workers = cluster.workers or int(_resources()["CPU"])
    with tempfile.TemporaryDirectory(prefix="lodo-bench-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(ShardTrainable, {"cpu": 1, "gpu": cluster.gpus_per_worker}),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,  # until the searcher has no more shards
                max_concurrent_trials=workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()
    if searcher.error is not None:
        raise searcher.error
    if not coordinator.finished:
        raise KeyboardInterrupt
