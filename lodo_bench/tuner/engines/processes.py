"""The embedded engine: worker processes of this machine, fed through pipes."""

from __future__ import annotations

import _thread
import os
import platform
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from lodo_bench.compute.signals import unblock
from lodo_bench.compute.starting import start
from lodo_bench.errors import LodoBenchError, Remedy, UsageError
from lodo_bench.spec.study import IndividualRecord
from lodo_bench.tuner.coordinator import Coordinator
from lodo_bench.tuner.engines.context import process_context
from lodo_bench.tuner.worker import evaluate

# The cost of a shard: two messages through pipes, and a transaction.
SHARD_OVERHEAD_SECONDS = 0.003
_TICK_SECONDS = 0.2
_JOIN_SECONDS = 5.0
_START_SECONDS = 30.0  # of a thread, on a machine that is very busy
_MAX_FAILED_STARTS = 3
Records = Sequence[IndividualRecord]


@dataclass(frozen=True, slots=True)
class _Crash:
    """An exception that `evaluate` does not turn into an outcome: a fault of this program."""

    text: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """The first message of a worker."""


def run_in_processes(coordinator: Coordinator, num_workers: int) -> None:
    """Evaluate all shards in worker processes, which live as long as the search.

    They are started as soon as there is work for them. One that ends before its time, or has no result for several
    times what its shard should take, is replaced.

    Args:
        coordinator: schedules the shards.
        num_workers: the largest number of processes, at least 1.

    Raises:
        UsageError: if processes end before they are ready, or the shards cannot be trained on this machine.
    """
    coordinator.num_workers = num_workers
    with _Pool(coordinator, num_workers) as pool:
        while not coordinator.finished:
            pool.assign()
            is_starting = pool.start_worker()
            pool.replace_overdue()
            pool.collect(wait_seconds=0 if is_starting else _TICK_SECONDS)


class _Worker:
    """A worker process, seen from the coordinator's.

    Args:
        number: counts the workers from 1.
        context: starts the process.
        connections: of the other workers, of which a forked process closes its copies: a pipe ends when all are closed.
    """

    def __init__(self, number: int, context: BaseContext, connections: Sequence[Connection]) -> None:
        self.connection, theirs = context.Pipe()
        inherited = [*connections, self.connection] if context.get_start_method() == "fork" else []
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, inherited), daemon=True)  # type: ignore[attr-defined]
        start(self.process)
        theirs.close()
        self.name = f"worker {number} (process {self.process.pid} on {platform.node()})"
        self.is_ready = self.is_busy = False

    def end(self) -> None:
        """Kill the process: it holds nothing that is needed."""
        self.connection.close()
        self.process.kill()
        self.process.join(_JOIN_SECONDS)


class _Pool:
    """Workers, started on demand."""

    def __init__(self, coordinator: Coordinator, num_workers: int) -> None:
        self._coordinator, self._num_workers = coordinator, num_workers
        self._context = process_context()
        self._workers: list[_Worker] = []
        self._num_started = self._num_failed_starts = 0

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def assign(self) -> None:
        """Give shards to idle workers."""
        for worker in self._workers:
            if worker.is_ready and not worker.is_busy:
                self._send(worker)

    def start_worker(self) -> bool:
        """Start a worker if one is missing; return whether there was one."""
        num_starting = sum(not worker.is_ready for worker in self._workers)
        if len(self._workers) == self._num_workers or self._coordinator.num_pending <= num_starting:
            return False
        self._num_started += 1
        connections = [worker.connection for worker in self._workers]
        self._workers.append(_Worker(self._num_started, self._context, connections))
        return True

    def collect(self, wait_seconds: float) -> None:
        """Take in all results that have come, or come within some seconds; then raise the error of a worker, if any."""
        results: dict[str, Records] = {}
        ready = wait([worker.connection for worker in self._workers], wait_seconds)
        lost: list[_Worker] = []
        errors: list[Exception] = []
        for worker in [each for each in self._workers if each.connection in ready]:
            try:
                message: _Ready | Records | LodoBenchError | _Crash = worker.connection.recv()
            except (EOFError, OSError):
                lost.append(worker)
                continue
            if isinstance(message, LodoBenchError):
                errors.append(message)
            elif isinstance(message, _Crash):
                errors.append(RuntimeError(f"{worker.name} failed:\n{message.text}"))
            elif isinstance(message, _Ready):
                worker.is_ready, self._num_failed_starts = True, 0
            else:
                worker.is_busy = False
                results[worker.name] = message
        if results:
            self._coordinator.complete(results)
        if errors:
            raise errors[0]
        for worker in lost:
            self._remove(worker, "was lost")

    def replace_overdue(self) -> None:
        """Remove the workers that hang."""
        overdue = self._coordinator.overdue()
        for worker in [each for each in self._workers if each.name in overdue]:
            self._remove(worker, "did not respond and was replaced")

    def _send(self, worker: _Worker) -> None:
        shard = self._coordinator.assign(worker.name)
        if shard is None:
            return
        worker.is_busy = True
        with suppress(OSError):  # if it has ended, `collect` notices
            worker.connection.send(shard)

    def _remove(self, worker: _Worker, reason: str) -> None:
        self._workers.remove(worker)
        worker.end()
        self._num_failed_starts += not worker.is_ready
        if self._num_failed_starts >= _MAX_FAILED_STARTS:
            raise UsageError(
                "worker processes end before they are ready, perhaps because memory is exhausted.",
                remedy=Remedy.USE_ONE_PROCESS,
            )
        self._coordinator.lose(worker.name, reason)


# The worker's side


def _work(connection: Connection, inherited: Sequence[Connection]) -> None:
    """Evaluate the shards that arrive, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the coordinator's ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    unblock()
    for other in inherited:
        other.close()
    os.dup2(2, 1)  # standard output belongs to the command
    sys.stdout = sys.stderr
    try:
        _start_thread(_end_with_parent)
    except RuntimeError as error:
        connection.send(
            UsageError(
                f"a worker process cannot start: {error}. It has reached a limit of memory or of processes, which "
                f"'ulimit -a' shows.",
                remedy=Remedy.USE_ONE_PROCESS,
            )
        )
        return
    try:
        connection.send(_Ready())
        while True:
            shard = connection.recv()
            try:
                result: Records | LodoBenchError | _Crash = evaluate(shard)
            except LodoBenchError as error:
                result = error
            except Exception:
                result = _Crash(traceback.format_exc())
            connection.send(result)
    except (EOFError, OSError):
        os._exit(0)  # the search has ended


def _start_thread(work: Callable[[], None]) -> None:
    """Start a thread.

    `threading.Thread.start` would wait forever for a thread that ends while it starts, for lack of memory.

    Raises:
        RuntimeError: it does not start.
    """
    started = threading.Event()

    def run() -> None:
        started.set()
        work()

    _thread.start_new_thread(run, ())
    if not started.wait(_START_SECONDS):
        raise RuntimeError("can't start new thread")


def _end_with_parent() -> None:
    """End this process as soon as the coordinator's has ended, even in the middle of a shard."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
