"""The connection to a Ray cluster that is running."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.engines.ray.authentication import TokenRefused, connect_authenticated
from lodo_bench.tuner.engines.ray.pool import first_line
from lodo_bench.tuner.engines.ray.settings import QUIET

_CONNECT_SECONDS = 10
_FORWARDED_ENV = ("LODO_BENCH_DATA",)


# How an HTTP/2 connection begins, of which gRPC's is one: the client's preface and empty settings, and the type of the
# frame that answers them.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME_HEADER_BYTES = 9
_SETTINGS_FRAME = 4


def join_cluster(address: str, modules: list[str]) -> None:
    """Connect to the cluster at `address`, and ship modules to the nodes that run workers.

    Raises:
        UsageError: if no cluster responds there, or it asks for a token that this user has not got.
    """
    import ray

    try:
        check_reachable(address)
        connect_authenticated(lambda: ray.init(address=address, runtime_env=_runtime_env(modules), **QUIET))
    except TokenRefused as error:
        raise UsageError(f"the Ray cluster at '{address}' cannot be used: {error}") from error
    except Exception as error:  # Ray has no class of its own for this
        raise UsageError(
            f"no Ray cluster responds at '{address}': {first_line(error)}.", remedy=Remedy.CHOOSE_CLUSTER
        ) from error


def _runtime_env(modules: list[str]) -> Mapping[str, Any]:
    return {
        "env_vars": {name: os.environ[name] for name in _FORWARDED_ENV if name in os.environ},
        "py_modules": modules,
    }


def check_reachable(address: str) -> None:
    """Raise OSError if nothing, or something else than Ray, listens at a `host:port`: Ray would retry for minutes."""
    if "://" in address:
        raise OSError("an address is 'auto' or HOST:PORT, without a protocol")
    host, _, port = address.rpartition(":")
    if port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS) as connection:
            if not _speaks_grpc(connection):
                raise OSError("what listens there is not Ray")


def _speaks_grpc(connection: socket.socket) -> bool:
    try:
        connection.sendall(_PREFACE)
        header = connection.recv(_FRAME_HEADER_BYTES, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(header) == _FRAME_HEADER_BYTES and header[3] == _SETTINGS_FRAME
