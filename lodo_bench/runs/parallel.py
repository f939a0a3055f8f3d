"""Untimed final runs of several optimizers in parallel, one process per run set."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType

import torch

from lodo_bench.compute.signals import unblock
from lodo_bench.compute.starting import start
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.runs.execute import CheckpointPlan, execute_run_set
from lodo_bench.spec.outcome import Curve
from lodo_bench.spec.run_set import RunRecord, RunSetRecord
from lodo_bench.training.session import Progress

_JOIN_TIMEOUT_SECONDS = 60
Ended = list[tuple[RunRecord, Curve]]


@dataclass(frozen=True, slots=True)
class Job:
    """A run set to execute.

    Attributes:
        record: the run set.
        weights: the weights of a meta-trained optimizer; empty for others.
        plan: its checkpoints; None for none.
    """

    record: RunSetRecord
    weights: bytes
    plan: CheckpointPlan | None


@dataclass
class _Collector:
    """A writer that keeps the runs to send them to the parent process, and a callback that ignores progress."""

    stored_weights: bytes
    ended_runs: Ended = field(default_factory=list)

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        self.ended_runs.append((run, curve))

    def weights(self, study: int) -> bytes:
        return self.stored_weights

    def start(self, run: str, count: int, left: int) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def ended(self, run: RunRecord) -> None: ...
    def notice(self, message: str) -> None: ...


def execute_all(jobs: Sequence[Job], num_processes: int) -> Iterator[tuple[Job, Ended]]:
    """Execute the jobs in parallel and yield their runs as they finish; these do not depend on `num_processes`.

    Raises:
        KeyboardInterrupt: if the user stopped it; the runs in progress have written their checkpoints.
        UsageError: if a process was lost.
    """
    pending = list(jobs)
    with _processes(min(num_processes, len(pending))) as connections:
        busy: dict[Connection, Job] = {}
        while pending or busy:
            for connection in connections:
                if pending and connection not in busy:
                    busy[connection] = pending.pop(0)
                    connection.send(busy[connection])
            ready = wait(busy)
            for connection in [each for each in busy if each in ready]:
                job = busy.pop(connection)
                yield job, _receive(connection, job)


def _receive(connection: Connection, job: Job) -> Ended:
    try:
        ended: Ended | BaseException = connection.recv()
    except (EOFError, OSError):
        raise UsageError(
            f"the process that ran {job.record.spec.optimizer.label} was lost, perhaps because memory was exhausted. "
            f"Rerun the same command to resume.",
            remedy=Remedy.USE_ONE_PROCESS,
        ) from None
    if isinstance(ended, BaseException):
        raise ended
    return ended


@contextmanager
def _processes(count: int) -> Iterator[list[Connection]]:
    """Start processes and yield connections to them; on an interrupt they write their checkpoints before they end."""
    context = multiprocessing.get_context("spawn")
    threads = max(1, torch.get_num_threads() // count)
    members: list[tuple[BaseProcess, Connection]] = []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, threads), daemon=True)
            start(process, [signal.SIGINT])
            theirs.close()
            members.append((process, ours))
        yield [connection for _, connection in members]
    except BaseException:
        for member, _ in members:
            member.terminate()
        _join(member for member, _ in members)
        raise
    finally:
        for _, connection in members:
            connection.close()
        _join(member for member, _ in members)


def _join(processes: Iterable[BaseProcess]) -> None:
    for process in processes:
        process.join(_JOIN_TIMEOUT_SECONDS)
        if process.is_alive():
            process.kill()


def _work(connection: Connection, threads: int) -> None:
    """Execute the jobs that arrive, until the pipe closes."""
    # The parent answers Ctrl-C: it terminates its processes, which then write their checkpoints.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    unblock([signal.SIGINT])
    torch.set_num_threads(threads)
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        while True:
            connection.send(_execute(connection.recv()))
    except (EOFError, OSError, KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the process is ending already


def _execute(job: Job) -> Ended | Exception:
    collector = _Collector(job.weights)
    try:
        execute_run_set(job.record, collector, collector, job.plan)
    except Exception as error:
        return error
    return collector.ended_runs


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A request to the whole process group arrives twice, because the parent passes on what it receives itself.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
