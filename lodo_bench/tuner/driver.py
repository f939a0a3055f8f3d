"""Runs studies to their end, in this process or on a Ray cluster (a laptop is a cluster of one)."""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from lodo_bench.errors import UsageError
from lodo_bench.tasks import TASKS
from lodo_bench.training.interrupts import preserve_signal_handlers
from lodo_bench.training.validation import check_device
from lodo_bench.tuner.coordinator import Coordinator, ProgressCallback, StudyWriter
from lodo_bench.tuner.study import Study
from lodo_bench.tuner.worker import evaluate

# Individuals in a shard. More make the arithmetic cheaper for each, fewer let more workers share a generation.
_SHARD_SIZE = 8
_OBJECT_STORE_BYTES = 100_000_000
_KNOCK_SECONDS = 10
_FORWARDED_ENV = ("LODO_BENCH_DATA",)

# How Ray is told to stay quiet, leave Ctrl-C to us, and write nothing but what it needs for itself.
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
    """Where to train.

    Attributes:
        workers: shards trained at the same time, 0 for none but this process; None for one on each CPU.
        gpus_per_worker: the share of a GPU that each takes; 0 trains on the CPU.
        address: of a running Ray cluster; None starts one on this machine.
    """

    workers: int | None = None
    gpus_per_worker: float = 0.0
    address: str | None = None


def shard_size(task: str) -> int:
    """How many individuals are trained together on `task`."""
    return min(_SHARD_SIZE, TASKS.load(task).max_population or _SHARD_SIZE)


def run_studies(studies: Sequence[Study], ledger: StudyWriter, listener: ProgressCallback, cluster: Cluster) -> None:
    """Run all studies to their end. The results do not depend on `cluster`.

    Raises:
        KeyboardInterrupt: if the user stopped it; every shard that had come back is in the ledger.
        UsageError: if the cluster is not there or cannot do what is asked.
    """
    coordinator = Coordinator(studies, ledger, listener)
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

    logging.getLogger("ray").setLevel(logging.CRITICAL)  # a lost worker is ours to speak of
    # With Ray's handlers the program would end at once at SIGTERM, and without any when Ray has been shut down.
    with preserve_signal_handlers():
        try:
            with redirect_stdout(sys.stderr):  # where Ray's own processes report
                with preserve_signal_handlers():
                    _connect(cluster)
                _fit(coordinator, cluster)
        finally:
            ray.shutdown()


def _connect(cluster: Cluster) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if cluster.address is None:
        try:
            ray.init(
                address="local",
                num_cpus=cluster.workers,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                **quiet,
            )
        except OSError as error:
            raise UsageError(
                f"Ray cannot start: {error}. Its sockets need a short path: set TMPDIR to one, e.g. /tmp."
            ) from None
    else:
        try:
            _check_reachable(cluster.address)
            ray.init(address=cluster.address, runtime_env={"env_vars": _forwarded_env()}, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"no Ray cluster answers at '{cluster.address}': {str(error).splitlines()[0].rstrip('.')}. "
                f"Start one with 'ray start --head', or leave out --address."
            ) from None
    gpus = _resources().get("GPU", 0.0)
    if cluster.gpus_per_worker > gpus:
        raise UsageError(
            f"--gpus-per-worker {cluster.gpus_per_worker:g} asks for more than the cluster's {gpus:g} GPUs. "
            f"Use 0 to train on the CPU."
        )


def _forwarded_env() -> dict[str, str]:
    """What workers on other machines must know of this process's environment."""
    return {name: os.environ[name] for name in _FORWARDED_ENV if name in os.environ}


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at a `host:port`, where Ray would go on trying for many minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()


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
                num_samples=-1,  # until the searcher says that there are no more
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
