"""Untimed final runs of several optimizers at the same time, each run set in a process of its own."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import torch

from lodo_bench.errors import LodoBenchError
from lodo_bench.runs.execute import CheckpointPlan, execute_run_set
from lodo_bench.spec.outcome import Curve
from lodo_bench.spec.run_set import RunRecord, RunSetRecord
from lodo_bench.training.session import Progress

_PATIENCE_SECONDS = 60
Ended = list[tuple[RunRecord, Curve]]


@dataclass(frozen=True, slots=True)
class Job:
    """A run set to execute.

    Attributes:
        record: as it is stored.
        learned: the weights of a meta-trained optimizer; empty for others.
        plan: where its checkpoints lie, if anywhere.
    """

    record: RunSetRecord
    weights: bytes
    plan: CheckpointPlan | None


@dataclass
class _Collected:
    """Keeps what a run set comes to, to be sent home; also hears of its progress, and says nothing."""

    stored_weights: bytes
    ended_runs: Ended = field(default_factory=list)

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        self.ended_runs.append((run, curve))

    def weights(self, study: int) -> bytes:
        return self.stored_weights

    def start(self, run: str) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def ended(self, run: RunRecord) -> None: ...
    def notice(self, message: str) -> None: ...


def execute_all(jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, Ended]]:
    """Execute the jobs, so many at a time; the results as they come, which do not depend on how many.

    Raises:
        KeyboardInterrupt: if the user stopped it. What is under way has kept its checkpoints.
        LodoBenchError: if a process was lost.
    """
    left = list(jobs)
    with _team(min(processes, len(left))) as team:
        busy: dict[Connection, Job] = {}
        while left or busy:
            for connection in team:
                if left and connection not in busy:
                    busy[connection] = left.pop(0)
                    connection.send(busy[connection])
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection), "no others are waited for"
                job = busy.pop(ready)
                yield job, _received(ready, job)


def _received(connection: Connection, job: Job) -> Ended:
    try:
        ended: Ended | BaseException = connection.recv()
    except (EOFError, OSError):
        label = job.record.spec.optimizer.label
        raise LodoBenchError(
            f"the process that ran {label} was lost, perhaps for want of memory. The same command goes on; with "
            f"--workers 0 everything runs in one process."
        ) from None
    if isinstance(ended, BaseException):
        raise ended
    return ended


@contextmanager
def _team(size: int) -> Iterator[list[Connection]]:
    """Connections to so many processes, which end with the block; at an interrupt, when they have kept their state."""
    context = multiprocessing.get_context("spawn")
    threads = max(1, torch.get_num_threads() // size)
    members: list[tuple[BaseProcess, Connection]] = []
    try:
        for _ in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, threads), daemon=True)
            process.start()
            theirs.close()
            members.append((process, ours))
        yield [connection for _, connection in members]
    except BaseException:
        for member, _ in members:
            member.terminate()
        _join(process for process, _ in members)
        raise
    finally:
        for _, connection in members:
            connection.close()
        _join(process for process, _ in members)


def _join(processes: Iterable[BaseProcess]) -> None:
    for process in processes:
        process.join(_PATIENCE_SECONDS)
        if process.is_alive():
            process.kill()


def _work(connection: Connection, threads: int) -> None:
    """What a process does: execute what comes in, until nothing can come any more."""
    # Ctrl-C is the parent's to answer: it asks its processes to end, and they do when their state is kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    torch.set_num_threads(threads)
    try:
        while True:
            connection.send(_done(connection.recv()))
    except (EOFError, OSError, KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends already


def _done(job: Job) -> Any:
    collected = _Collected(job.weights)
    try:
        execute_run_set(job.record, collected, collected, job.plan)
    except Exception as error:
        return error
    return collected.ended_runs


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Who asks the whole group to end asks twice: the parent passes on what this process has heard itself.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
