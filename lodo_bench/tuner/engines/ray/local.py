"""A Ray cluster of this machine alone, started for one search."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lodo_bench.compute.sockets import socket_directories
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.engines.ray.authentication import use_authentication
from lodo_bench.tuner.engines.ray.pool import first_line
from lodo_bench.tuner.engines.ray.settings import QUIET

_OBJECT_STORE_BYTES = 100_000_000
# Methods of Ray's node that start processes which serve people and log files, not computation. Ray has no setting for
# them. Without them it starts in half of the time, and the start of a version that has other methods is only slower.
_HELPERS = ("start_api_server", "start_log_monitor", "start_monitor")
_PREFIX = "lodo-"  # short, as the path must be
_SOCKET = f"/{_PREFIX}12345678/session_2000-01-01_00-00-00_000000_1234567/sockets/plasma_store.10"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Make a temporary directory for Ray, whose path is short enough for sockets, and remove it afterwards.

    Raises:
        UsageError: if there is none.
    """
    with ExitStack() as stack:
        for parent in socket_directories(len(_SOCKET)):
            try:
                scratch = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True)
            except OSError:
                continue
            yield Path(stack.enter_context(scratch))
            return
        raise UsageError(
            "Ray cannot start: there is no writable temporary directory with a path that is short enough for sockets.",
            remedy=Remedy.SHORTEN_TEMPORARY_DIRECTORY,
        )


def start_local(workers: int, scratch: Path) -> None:
    """Start Ray on this machine, with as many CPUs as workers.

    Raises:
        UsageError: if it does not start.
    """
    import ray

    # Nobody else can know of a cluster that lives as long as the search, and the token that Ray would write into the
    # home directory would keep users from connecting to clusters that were started without.
    use_authentication("disabled")
    with _without_helpers():
        try:
            ray.init(
                address="local",
                num_cpus=workers,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=str(scratch),
                **QUIET,
            )
        except Exception as error:  # what Ray raises when a process of its own does not start in time
            raise UsageError(
                f"Ray cannot start: {first_line(error)}. Rerun the command when the machine is less busy.",
                remedy=Remedy.USE_ONE_PROCESS,
            ) from error


@contextmanager
def _without_helpers() -> Iterator[None]:
    from ray._private.node import Node

    methods = {name: getattr(Node, name) for name in _HELPERS if hasattr(Node, name)}
    for name in methods:
        setattr(Node, name, lambda *_, **__: None)
    try:
        yield
    finally:
        for name, method in methods.items():
            setattr(Node, name, method)
