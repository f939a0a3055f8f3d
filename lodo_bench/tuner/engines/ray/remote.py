"""The connection to a Ray cluster that is running."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.engines.ray.pool import first_line
from lodo_bench.tuner.engines.ray.settings import QUIET

_CONNECT_SECONDS = 10
_FORWARDED_ENV = ("LODO_BENCH_DATA",)


def join(address: str, modules: list[str]) -> None:
    """Connect to the cluster at `address`, and ship modules to the nodes that run workers.

    Raises:
        UsageError: if no cluster responds there.
    """
    import ray

    try:
        _check_reachable(address)
        ray.init(address=address, runtime_env=_runtime_env(modules), **QUIET)
    except Exception as error:  # Ray has no class of its own for this
        raise UsageError(
            f"no Ray cluster responds at '{address}': {first_line(error)}.", remedy=Remedy.CHOOSE_CLUSTER
        ) from error


def _runtime_env(modules: list[str]) -> Mapping[str, Any]:
    return {
        "env_vars": {name: os.environ[name] for name in _FORWARDED_ENV if name in os.environ},
        "py_modules": modules,
    }


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at a `host:port`: Ray itself would retry for many minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
