"""The link between the program, which has the coordinator, and the driver of Ray, which has the workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from typing_extensions import override

from lodo_bench.errors import LodoBenchError
from lodo_bench.spec.study import IndividualRecord
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines.ray.pool import Scheduler
from lodo_bench.tuner.shard import Shard

_POLL_SECONDS = 0.5
# The driver asks several times a second who is overdue, but for its start, which takes long on a busy machine.
_START_PATIENCE_SECONDS = 180.0
_PATIENCE_SECONDS = 60.0
# Between two looks at the clock a driver counts as having been silent this long at most: all may be suspended.
_MAX_TICK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a method of the coordinator."""

    name: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Reply:
    value: Any
    finished: bool
    num_pending: int


@dataclass(frozen=True, slots=True)
class Done:
    """The last message of a driver that has done what it was asked for."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The last message of a driver that has lost the cluster, for a reason in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Crash:
    """The last message of a driver that has found a fault of this program: its traceback."""

    text: str


class Link:
    """The driver's end.

    Args:
        connection: the way to the program.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def send(self, message: object) -> None:
        """Send a message; any thread may do so."""
        with self._lock:
            self._connection.send(message)

    def ask(self, name: str, *arguments: Any, **keywords: Any) -> _Reply:
        """Call a method of the coordinator, and return the reply; for one thread only."""
        self.send(_Call(name, arguments, keywords))
        reply: _Reply = self._connection.recv()
        return reply


class RemoteCoordinator(Scheduler):
    """The coordinator, as the driver sees it: `lodo_bench.tuner.coordinator.Coordinator` has the documentation.

    Args:
        link: the way to it.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._finished, self._num_pending = False, 0  # until the first call

    @property
    @override
    def finished(self) -> bool:
        return self._finished

    @property
    @override
    def num_pending(self) -> int:
        return self._num_pending

    @override
    def use_workers(self, number: int) -> None:
        self._ask("use_workers", number)

    @override
    def assign(self, worker: str) -> Shard | None:
        shard: Shard | None = self._ask("assign", worker)
        return shard

    @override
    def complete(self, results: Mapping[str, Sequence[IndividualRecord]]) -> None:
        self._ask("complete", results)

    @override
    def lose(self, worker: str, reason: str, *, blame: bool = True) -> None:
        self._ask("lose", worker, reason, blame=blame)

    @override
    def overdue(self) -> list[str]:
        workers: list[str] = self._ask("overdue")
        return workers

    @override
    def notice(self, message: str) -> None:
        self._ask("notice", message)

    def _ask(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        reply = self._link.ask(name, *arguments, **keywords)
        self._finished, self._num_pending = reply.finished, reply.num_pending
        return reply.value


class Served:
    """The program's end: the coordinator serves a driver until it has ended.

    Args:
        coordinator: what the driver calls.
        connection: the way to the driver.

    Attributes:
        num_results: the number of shards that the driver has completed.
    """

    def __init__(self, coordinator: Coordinator, connection: Connection) -> None:
        self._coordinator, self._connection = coordinator, connection
        self.num_results = 0

    def serve(self) -> Done | Lost:
        """Answer all calls until the driver has ended; return how.

        Raises:
            LodoBenchError: if the driver raised it.
            RuntimeError: for a fault of this program, with the driver's traceback.
        """
        message = receive(self._connection, _START_PATIENCE_SECONDS)
        while isinstance(message, _Call):
            self._answer(message)
            message = receive(self._connection, _PATIENCE_SECONDS)
        return message

    def _answer(self, call: _Call) -> None:
        value = getattr(self._coordinator, call.name)(*call.arguments, **call.keywords)
        if call.name == "complete":
            self.num_results += 1
        try:
            self._connection.send(_Reply(value, self._coordinator.finished, self._coordinator.num_pending))
        except OSError:
            return  # it has ended, which the next look tells


def receive(connection: Connection, patience: float = _START_PATIENCE_SECONDS) -> _Call | Done | Lost:
    """Return the next message of a driver; a `Lost` if it has ended, or is silent for some seconds.

    Raises:
        LodoBenchError: if the driver raised it.
        RuntimeError: for a fault of this program, with the driver's traceback.
    """
    silent, last = 0.0, time.monotonic()
    try:
        while not connection.poll(_POLL_SECONDS):
            now = time.monotonic()
            silent, last = silent + min(now - last, _MAX_TICK_SECONDS), now
            if silent > patience:
                return Lost(f"Ray has not responded for {silent:.0f} s")
        message: _Call | Done | Lost | Crash | LodoBenchError = connection.recv()
    except (EOFError, OSError):
        return Lost("Ray's driver has ended")
    if isinstance(message, LodoBenchError):
        raise message
    if isinstance(message, Crash):
        raise RuntimeError(f"the driver of Ray failed:\n{message.text}")
    return message
