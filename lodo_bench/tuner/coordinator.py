"""The scheduling of several studies on several workers: who trains what next, and what the results lead to."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lodo_bench.compute.interrupts import defer_interrupts
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationRecord, IndividualRecord
from lodo_bench.spec.training import Tuned
from lodo_bench.tuner.durations import Durations
from lodo_bench.tuner.shard import Shard
from lodo_bench.tuner.study import Study, StudyProgress
from lodo_bench.tuner.throughput import Throughput
from lodo_bench.tuner.worker import failed

_MAX_LOSSES = 3
# A shard should take at least this many times what handing it out costs.
_OVERHEAD_FACTOR = 10
# Between two looks at the clock a worker counts as having worked this long at most: the whole search may be suspended.
_MAX_TICK_SECONDS = 5.0


class StudyWriter(Protocol):
    """Storage for the progress of studies, such as `lodo_bench.results.store.Store`."""

    def add_generation(self, study: int, generation: GenerationRecord) -> None:
        """Store a generation that has opened; do nothing if it is stored already."""
        ...

    def add_individuals(self, individuals: Mapping[int, Sequence[IndividualRecord]]) -> None:
        """Store evaluated individuals by study, all or none."""
        ...

    def finish_study(self, study: int, result: Tuned) -> None:
        """Store the result; do nothing if it is stored already."""
        ...


@dataclass(frozen=True, slots=True)
class SearchActivity:
    """The activity of the workers of a search, for display.

    Attributes:
        num_workers: the number of workers that share the work.
        num_started: workers that have had a shard so far; more than `num_workers` if some were replaced.
        num_busy: those that are training.
        num_individuals: individuals that they are training now.
        individuals_per_second: evaluated individuals per second, lately; NaN while unknown.
        seconds_left: the expected time to the end of all searches; NaN while unknown.
    """

    num_workers: int
    num_started: int
    num_busy: int
    num_individuals: int
    individuals_per_second: float
    seconds_left: float


class ProgressCallback(Protocol):
    """Callbacks for the progress of studies."""

    def progress(self, progress: StudyProgress) -> None:
        """Report the progress of a study, at the start and after every shard."""
        ...

    def activity(self, activity: SearchActivity) -> None:
        """Report what the workers are doing, several times a second."""
        ...

    def notice(self, message: str) -> None:
        """Report an event that the user should know of."""
        ...


@dataclass(slots=True)
class _Assignment:
    """A shard in a worker's hands."""

    shard: Shard
    leniency: float  # a factor of the usual patience
    started: float
    waited: float = 0.0


class Coordinator:
    """A scheduler of shards over all studies and workers. It knows nothing of processes or Ray.

    An idle worker gets a shard of the study that is expected to take longest, so that a study that waits for the end of
    its generation leaves no worker idle, and all studies end at about the same time. The result of a shard is stored
    before its worker gets another. Results do not depend on the workers or the shards.

    Args:
        studies: the studies, finished or not.
        writer: stores generations, individuals and results.
        callback: receives the progress.
        clock: the time in seconds.

    Attributes:
        num_workers: the number of workers that share the work; the engine sets it, and may change it at any time.
        shard_overhead: the seconds that the engine needs to hand out a shard and to take in its result.
    """

    def __init__(
        self,
        studies: Sequence[Study],
        writer: StudyWriter,
        callback: ProgressCallback,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.num_workers, self.shard_overhead = 1, 0.0
        self._studies = {study.id: study for study in studies}
        self._writer, self._callback, self._clock = writer, callback, clock
        self._assignments: dict[str, _Assignment] = {}
        self._seen: set[str] = set()
        self._losses: Counter[tuple[int, int, int]] = Counter()
        self._failures: set[tuple[str, str]] = set()
        self._durations = Durations()
        self._throughput = Throughput(clock)
        self._ticked = clock()
        for study in studies:
            if study.finished:
                # Most results are stored already, but a run may have stopped between the last shard and the result.
                writer.finish_study(study.id, study.result)
            else:
                writer.add_generation(study.id, study.open_generation())
            callback.progress(study.progress())

    @property
    def finished(self) -> bool:
        """True once every study has its result."""
        return not self._unfinished

    @property
    def num_pending(self) -> int:
        """The number of individuals that could be handed out now."""
        return sum(study.num_pending for study in self._unfinished)

    def use_workers(self, number: int) -> None:
        """Take note of the number of workers that share the work from now on."""
        self.num_workers = number

    def assign(self, worker: str) -> Shard | None:
        """Hand out a shard to a worker that has none.

        Args:
            worker: a name that tells the user which one it is.

        Returns:
            The shard; None if there is none until another worker has finished or was lost.
        """
        waiting = [study for study in self._unfinished if study.num_pending]
        if not waiting:
            return None
        study = max(waiting, key=self._seconds_left)
        shard = self._take(study, waiting)
        losses = max(self._losses[key] for key in _keys(shard))
        self._seen.add(worker)
        self._assignments[worker] = _Assignment(shard, 2.0**losses, self._clock())
        return shard

    def complete(self, results: Mapping[str, Sequence[IndividualRecord]]) -> None:
        """Store the results of workers, in one transaction, and advance their studies.

        Args:
            results: the individuals of the workers' shards.
        """
        shards = {worker: self._assignments[worker].shard for worker in results}
        individuals: dict[int, list[IndividualRecord]] = {}
        for worker, shard in shards.items():
            individuals.setdefault(shard.study, []).extend(results[worker])
        for worker, shard in shards.items():
            self._durations.add(shard, self._clock() - self._assignments.pop(worker).started)
            self._throughput.add(len(results[worker]))
        self._report_failures([record for members in individuals.values() for record in members])
        self._store(individuals)

    def lose(self, worker: str, reason: str, *, blame: bool = True) -> None:
        """Take back the shard of a worker that was lost, if it has one.

        Its individuals are handed out again, each alone, as one of them may be the cause; one that has lost its worker
        three times has failed.

        Args:
            worker: the worker.
            reason: what happened to it.
            blame: whether an individual may be the cause; otherwise they are handed out as before.
        """
        assignment = self._assignments.pop(worker, None)
        if assignment is None:
            return
        shard, study = assignment.shard, self._studies[assignment.shard.study]
        if blame:
            self._losses.update(_keys(shard))
        given_up = [index for index, key in zip(shard.indices, _keys(shard), strict=True) if self._is_given_up(key)]
        study.give_back(index for index in shard.indices if index not in given_up)
        fate = "have failed" if len(given_up) == len(shard.indices) else "are trained again"
        self._callback.notice(f"{study.spec.optimizer.label}: {worker} {reason}; its individuals {fate}.")
        if given_up:
            lost = [record for record in failed(shard, f"{worker} {reason}") if record.index in given_up]
            self._store({study.id: lost})

    def recall(self) -> None:
        """Take back the shards of all workers, which were lost together, by no fault of the individuals."""
        for assignment in self._assignments.values():
            self._studies[assignment.shard.study].give_back(assignment.shard.indices)
        self._assignments.clear()

    def overdue(self) -> list[str]:
        """Return the workers whose shard has taken several times what it should, by what is known of others by now.

        To be called several times a second.
        """
        now = self._clock()
        elapsed, self._ticked = min(now - self._ticked, _MAX_TICK_SECONDS), now
        for assignment in self._assignments.values():
            assignment.waited += elapsed
        self.report_activity()
        return [worker for worker, each in self._assignments.items() if self._is_overdue(each)]

    def report_activity(self) -> None:
        """Report what the workers are doing."""
        self._callback.activity(self._activity())

    def notice(self, message: str) -> None:
        """Report an event that the user should know of."""
        self._callback.notice(message)

    @property
    def _unfinished(self) -> list[Study]:
        return [study for study in self._studies.values() if not study.finished]

    def _take(self, study: Study, waiting: Sequence[Study]) -> Shard:
        """Hand out as many individuals of `study` as its next shard should have; `waiting` are those that have any."""
        if self._losses[study.id, study.generation.index, study.next_index]:
            return study.take(1)
        if study.gains_from_lockstep:
            size: float = lockstep_size(study.spec.schedule.population, self.num_workers, len(self._unfinished))
        else:
            known = all(math.isfinite(self._individual_seconds(each)) for each in waiting)
            work = {each: each.num_pending * (self._individual_seconds(each) if known else 1.0) for each in waiting}
            share = sum(work.values()) / work[study] * study.num_pending / self.num_workers
            size = guided_size(share, self.shard_overhead / self._individual_seconds(study), self.num_workers)
        return study.take(max(1, int(size)))

    def _individual_seconds(self, study: Study) -> float:
        """Return the expected seconds for an individual of the open generation; infinite if unknown."""
        return self._durations.individual_step(study.id) * study.generation.steps

    def _seconds_left(self, study: Study) -> float:
        """Return the expected seconds of one worker to the end of a study; infinite if unknown."""
        return self._durations.individual_step(study.id) * study.steps_left

    def _store(self, individuals: Mapping[int, Sequence[IndividualRecord]]) -> None:
        """Store individuals by study and advance the studies; an interrupt waits until all of it is reported."""
        with defer_interrupts():
            self._writer.add_individuals(individuals)
            for number, members in individuals.items():
                self._advance(self._studies[number], members)

    def _advance(self, study: Study, individuals: Sequence[IndividualRecord]) -> None:
        """Tell a study what is stored, and store what follows from it."""
        generation = study.complete(individuals)
        if generation is not None and not generation.num_finite:
            self._callback.notice(
                f"{study.spec.optimizer.label}: no individual of generation {generation.index + 1} has a finite loss; "
                f"the mean is unchanged."
            )
        if study.finished:
            self._writer.finish_study(study.id, study.result)
        elif generation is not None:
            self._writer.add_generation(study.id, study.open_generation())
        self._callback.progress(study.progress())

    def _report_failures(self, individuals: Sequence[IndividualRecord]) -> None:
        """Tell where individuals fail, once for each machine and reason."""
        for record in individuals:
            failure = record.host, record.reason
            if record.status is Status.FAILED and failure not in self._failures:
                self._failures.add(failure)
                self._callback.notice(f"Failed on {record.host}: {record.reason}")

    def _is_overdue(self, assignment: _Assignment) -> bool:
        return assignment.waited > self._durations.patience(assignment.shard) * assignment.leniency

    def _is_given_up(self, key: tuple[int, int, int]) -> bool:
        return self._losses[key] >= _MAX_LOSSES

    def _activity(self) -> SearchActivity:
        work = sum(self._seconds_left(study) for study in self._unfinished)
        return SearchActivity(
            num_workers=self.num_workers,
            num_started=len(self._seen),
            num_busy=len(self._assignments),
            num_individuals=sum(len(each.shard.indices) for each in self._assignments.values()),
            individuals_per_second=self._throughput.per_second(),
            seconds_left=work / max(1, self.num_workers) if math.isfinite(work) else math.nan,
        )


def lockstep_size(population: int, num_workers: int, num_studies: int) -> int:
    """Return the size of shards where many individuals take hardly longer than one.

    Each study has its part of the workers, at least one, and divides a generation among them.
    """
    return math.ceil(population / math.ceil(num_workers / num_studies))


def guided_size(share: float, overhead: float, num_workers: int) -> float:
    """Return the size of the next shard where each individual takes its time.

    It is half of each worker's share of what is left: shards become smaller toward the end, so that all workers end at
    about the same time, and few shards are needed. But it takes several times what handing it out costs, and the
    coordinator, which serves one worker at a time, has no more of them than it can serve.

    Args:
        share: the number of individuals that each worker has still to train.
        overhead: the cost of handing out a shard, in individuals.
        num_workers: the number of workers.
    """
    return max(share / 2, min(share, num_workers * overhead), _OVERHEAD_FACTOR * overhead)


def _keys(shard: Shard) -> list[tuple[int, int, int]]:
    """Return what identifies the individuals of a shard among those of all studies."""
    return [(shard.study, shard.generation, index) for index in shard.indices]
