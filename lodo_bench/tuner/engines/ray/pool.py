"""The workers of a search: what they are given, and what becomes of those that are lost. Runs in the driver."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.study import IndividualRecord
from lodo_bench.tuner.shard import Shard

_FAILED_STARTS = 3
_OVERDUE_SECONDS = 0.25
_CAPACITY_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0
_START_PATIENCE_SECONDS = 120.0


class Scheduler(Protocol):
    """The coordinator, which may be in another process: see `lodo_bench.tuner.coordinator.Coordinator`."""

    @property
    def finished(self) -> bool:
        """True once every study has its result."""
        ...

    @property
    def num_pending(self) -> int:
        """The number of individuals that could be handed out now."""
        ...

    def use_workers(self, number: int) -> None:
        """Take note of the number of workers that share the work from now on."""
        ...

    def assign(self, worker: str) -> Shard | None:
        """Hand out a shard to a worker that has none."""
        ...

    def complete(self, results: Mapping[str, Sequence[IndividualRecord]]) -> None:
        """Store the results of workers."""
        ...

    def lose(self, worker: str, reason: str, *, blame: bool = True) -> None:
        """Take back the shard of a worker that was lost."""
        ...

    def overdue(self) -> list[str]:
        """Return the workers whose shard has taken several times what it should."""
        ...

    def notice(self, message: str) -> None:
        """Report an event that the user should know of."""
        ...


class Mail(Protocol):
    """The way to the workers' mailboxes."""

    def put(self, shards: dict[str, bytes]) -> None:
        """Put pickled shards into mailboxes."""
        ...

    def forget(self, mailbox: str) -> None:
        """Drop the mailbox of a worker that is gone."""
        ...

    def stop(self) -> None:
        """Tell all workers that there will be no more shards."""
        ...


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """A worker that has introduced itself: its name for the user, its mailbox, and what kills it."""

    name: str
    mailbox: str
    kill: Callable[[], None]


class WorkerPool:
    """The workers of a search, by the trial that each of them is.

    Args:
        coordinator: schedules the shards.
        mail: the way to the workers.
        requested: the number of workers that the user asked for; None takes as many as the cluster has room for.
        capacity: returns the number of workers that the cluster has room for, now.
    """

    def __init__(self, coordinator: Scheduler, mail: Mail, requested: int | None, capacity: Callable[[], int]) -> None:
        self._coordinator, self._mail = coordinator, mail
        self._requested, self._capacity = requested, capacity
        self._numbers: dict[str, int] = {}
        self._running: dict[str, RunningWorker] = {}
        self._idle: list[RunningWorker] = []
        self._failed_starts: dict[str, int] = {}
        self._useless: dict[str, str] = {}
        self._useless_since: float | None = None
        self._room = 0
        self._next_look = self._next_count = 0.0
        self._waiting_since: float | None = None
        self._count()

    @property
    def finished(self) -> bool:
        """True once there is nothing left to evaluate."""
        return self._coordinator.finished

    def add(self, trial: str) -> bool:
        """Return whether another worker is wanted, for which there is work; it will be the one of `trial`."""
        starting = len(self._numbers) - len(self._running)
        wanted = len(self._numbers) < self._wanted() and self._coordinator.num_pending > starting
        if wanted:
            self._numbers[trial] = len(self._numbers) + 1
        return wanted

    def introduce(self, trial: str, mailbox: str, pid: int, host: str, kill: Callable[[], None]) -> None:
        """Take in a worker that has started, and give it a shard."""
        worker = RunningWorker(f"worker {self._numbers[trial]} (process {pid} on {host})", mailbox, kill)
        self._running[trial] = worker
        self._failed_starts.pop(trial, None)
        self._idle.append(worker)
        self._assign()

    def complete(self, trial: str, individuals: bytes) -> None:
        """Store what a worker has evaluated, and give shards to all workers that have none."""
        if (worker := self._running.get(trial)) is not None:
            self._coordinator.complete({worker.name: pickle.loads(individuals)})
            self._idle.append(worker)
            self._assign()
            if self.finished:
                self._mail.stop()

    def report(self, trial: str, problem: str) -> None:
        """Take back the shard of a worker that cannot train it, say, because its machine lacks data.

        It gets no other shard.

        Raises:
            UsageError: if no other worker can.
        """
        if (worker := self._running.get(trial)) is not None:
            self._useless[trial] = problem
            self._coordinator.lose(worker.name, f"cannot train: {problem}", blame=False)
            self._check_useful()
            self._assign()

    def lose(self, trial: str, reason: str) -> None:
        """Take back the shard of a worker that is gone; it will be started again.

        Raises:
            UsageError: if it has ended at its start several times, and no other worker runs.
        """
        if trial in self._running:
            self._remove(trial, "was lost")
            return
        self._failed_starts[trial] = failed = self._failed_starts.get(trial, 0) + 1
        if failed >= _FAILED_STARTS and not self._running:
            raise UsageError(
                f"worker {self._numbers[trial]} has ended at each of {failed} starts: {reason}.",
                remedy=Remedy.USE_ONE_PROCESS,
            )

    def tick(self) -> None:
        """Look after the workers; to be called several times a second."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _OVERDUE_SECONDS
            self._replace_overdue()
        if now >= self._next_count:
            self._count()

    def _replace_overdue(self) -> None:
        overdue = set(self._coordinator.overdue())
        for trial, worker in list(self._running.items()):
            if worker.name in overdue:
                worker.kill()
                self._remove(trial, "did not respond and was replaced")

    def _remove(self, trial: str, reason: str) -> None:
        worker = self._running.pop(trial)
        self._useless.pop(trial, None)
        self._idle = [other for other in self._idle if other is not worker]
        self._mail.forget(worker.mailbox)
        self._coordinator.lose(worker.name, reason)
        self._assign()

    def _assign(self) -> None:
        shards = {}
        while self._idle and (shard := self._coordinator.assign(self._idle[0].name)) is not None:
            shards[self._idle.pop(0).mailbox] = pickle.dumps(shard)
        if shards:
            self._mail.put(shards)

    def _wanted(self) -> int:
        """Return the number of workers to have; at least one, so that a cluster that grows on demand grows."""
        return self._requested or max(self._room, 1)

    def _count(self) -> None:
        self._room = self._capacity()
        self._next_count = time.monotonic() + _CAPACITY_SECONDS
        self._coordinator.use_workers(max(1, min(self._wanted(), self._room)))
        self._check_useful()
        self._explain_waiting()

    def _check_useful(self) -> None:
        """Raise an error if no worker can train, and none that could is starting, or for too long."""
        if not self._running or len(self._useless) < len(self._running):
            self._useless_since = None
            return
        now = time.monotonic()
        self._useless_since = now if self._useless_since is None else self._useless_since
        is_starting = len(self._numbers) > len(self._running)
        if not is_starting or now - self._useless_since > _START_PATIENCE_SECONDS:
            trial, problem = next(iter(self._useless.items()))
            raise UsageError(f"no worker can train. {self._running[trial].name.capitalize()}: {problem}.")

    def _explain_waiting(self) -> None:
        """Tell the user, once, that workers wait for room in the cluster."""
        missing = len(self._numbers) - len(self._running)
        if not missing:
            self._waiting_since = None
            return
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        # Workers that there is room for may just be starting, or other programs use the cluster.
        patience = _PATIENCE_SECONDS if self._room < len(self._numbers) else _START_PATIENCE_SECONDS
        if now - self._waiting_since > patience:
            self._waiting_since = math.inf
            self._coordinator.notice(
                f"{missing} of {len(self._numbers)} workers wait for room: the cluster has room for {self._room}, "
                f"without other programs."
            )


def first_line(problem: Any) -> str:
    """Return the first line of an error's message, without its period; its class if it has none."""
    return (str(problem) or type(problem).__name__).strip().splitlines()[0].rstrip(".")
