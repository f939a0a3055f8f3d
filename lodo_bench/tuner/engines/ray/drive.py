"""The work of Ray's driver in its process: connect to a cluster, and search."""

from __future__ import annotations

import logging
import os
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lodo_bench.compute.cpus import available_cpus
from lodo_bench.compute.selection import first_sentence
from lodo_bench.errors import LodoBenchError, Remedy, UsageError
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.engines.ray.link import Crash, Done, Link, Lost, RemoteCoordinator
from lodo_bench.tuner.engines.ray.local import start_local
from lodo_bench.tuner.engines.ray.logs import redirect_output
from lodo_bench.tuner.engines.ray.remote import join_cluster
from lodo_bench.tuner.engines.ray.settings import apply_settings
from lodo_bench.tuner.engines.ray.watch import watch_servers
from lodo_bench.tuner.worker import warm_up

_ENGINE = "lodo_bench.tuner.engines.ray.engine"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """The search of a driver.

    Attributes:
        cluster: the workers to train in, and the cluster to connect to; one is started on this machine if it has none.
        scratch: a directory for Ray's files.
        modules: paths of modules to ship to the cluster's nodes.
        files: for `user_code.provide`.
        trainings: those whose machine code is loaded or compiled here, for all workers of this machine.
    """

    cluster: Cluster
    scratch: Path
    modules: Sequence[str]
    files: Mapping[str, bytes]
    trainings: Sequence[TrainingSpec]


def drive_search(request: SearchRequest, connection: Connection) -> None:
    """Search for the coordinator at the other end of the connection."""
    _drive(request.scratch, connection, lambda link: _search(request, link))


def drive_start(scratch: Path, connection: Connection) -> None:
    """Start a cluster with one CPU on this machine."""
    _drive(scratch, connection, lambda link: start_local(1, scratch))


def _drive(scratch: Path, connection: Connection, work: Callable[[Link], None]) -> None:
    """Do the work, and tell at the end what became of it."""
    redirect_output(scratch)
    apply_settings()
    link = Link(connection)
    try:
        ray_error = _imported("ray.exceptions").RayError
    except UsageError as error:
        link.send(error)
        return
    try:
        work(link)
        link.send(Done())
    except LodoBenchError as error:
        link.send(error)
    except (EOFError, OSError):
        traceback.print_exc()  # the program has ended, or wants to
    except ray_error as error:
        traceback.print_exc()
        link.send(Lost(f"Ray has failed: {type(error).__name__}"))
    except BaseException:
        link.send(Crash(traceback.format_exc()))


def _search(request: SearchRequest, link: Link) -> None:
    preparation = threading.Thread(target=_prepare, args=(request.trainings,), daemon=True)
    preparation.start()  # while Ray starts its processes
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)  # the coordinator reports lost workers
    cluster = request.cluster
    if cluster.address is None:
        start_local(cluster.workers or available_cpus(), request.scratch)
    else:
        join_cluster(cluster.address, list(request.modules))

    def lose(reason: str) -> None:
        link.send(Lost(reason))
        os._exit(1)

    watch_servers(ray.get_runtime_context().gcs_address, lose)
    _check_gpus(cluster)
    preparation.join()
    engine = _imported(_ENGINE)
    try:
        engine.search(RemoteCoordinator(link), cluster, request.scratch, request.files)
    finally:
        if cluster.address is not None:  # one of our own just ends with this process
            ray.shutdown()


def _prepare(trainings: Sequence[TrainingSpec]) -> None:
    with suppress(UsageError):  # the search finds out, too
        _imported(_ENGINE)
    for training in trainings:
        warm_up(training)


def _imported(name: str) -> Any:
    """Import a module that needs Ray.

    Raises:
        UsageError: if Ray's installation is broken.
    """
    try:
        return import_module(name)
    except Exception as error:  # whatever a broken installation raises
        raise UsageError(f"Ray {first_sentence(error)}.", remedy=Remedy.REINSTALL_RAY) from error


def _check_gpus(cluster: Cluster) -> None:
    import ray

    gpus = ray.cluster_resources().get("GPU", 0.0)  # type: ignore[no-untyped-call]
    if cluster.gpus_per_worker > gpus:
        raise UsageError(
            f"{cluster.gpus_per_worker:g} GPUs per worker were requested, but the cluster has {gpus:g}.",
            remedy=Remedy.FEWER_GPUS,
        )
