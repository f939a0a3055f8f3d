"""The scheduling of several studies at once: which shard is evaluated next, and what its result leads to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from lodo_bench.spec.study import GenerationRecord, IndividualRecord
from lodo_bench.spec.training import Tuned
from lodo_bench.tuner.study import Shard, Study, StudyProgress
from lodo_bench.tuner.worker import failed

_RETRIES = 2


class StudyWriter(Protocol):
    """Storage for the progress of studies, such as `lodo_bench.results.store.Store`."""

    def add_generation(self, study: int, generation: GenerationRecord) -> None:
        """Store a generation that has opened; do nothing if it is stored already."""
        ...

    def add_individuals(self, study: int, individuals: Sequence[IndividualRecord]) -> None:
        """Store evaluated individuals."""
        ...

    def finish_study(self, study: int, result: Tuned) -> None:
        """Store the result; do nothing if it is stored already."""
        ...


class ProgressCallback(Protocol):
    """Callbacks for the progress of studies."""

    def progress(self, progress: StudyProgress) -> None:
        """Report the progress of a study, at the start and after every shard."""
        ...

    def notice(self, message: str) -> None:
        """Report an event that the user should know of."""
        ...


class Coordinator:
    """A scheduler of shards over all studies, so that a study that waits for its generation leaves no worker idle.

    The result of a shard is stored before another shard is handed out. It knows nothing of Ray.

    Args:
        studies: the studies, finished or not.
        writer: stores generations, individuals and results.
        callback: receives the progress.
    """

    def __init__(self, studies: Sequence[Study], writer: StudyWriter, callback: ProgressCallback) -> None:
        self._studies = {study.id: study for study in studies}
        self._writer, self._callback = writer, callback
        self._retry_queue: list[Shard] = []
        self._losses: Counter[tuple[int, int, int]] = Counter()
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
        return all(study.finished for study in self._studies.values())

    def next_shard(self) -> Shard | None:
        """Hand out a shard of the study that is furthest behind; None if all are waiting or finished."""
        if self._retry_queue:
            return self._retry_queue.pop(0)
        unfinished = [study for study in self._studies.values() if not study.finished]
        for study in sorted(unfinished, key=_fraction_done):
            shard = study.next_shard()
            if shard is not None:
                return shard
        return None

    def complete(self, shard: Shard, individuals: Sequence[IndividualRecord]) -> None:
        """Store the result of a shard and advance its study."""
        study = self._studies[shard.study]
        self._writer.add_individuals(study.id, individuals)
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

    def requeue(self, shard: Shard, reason: str) -> None:
        """Schedule a shard again whose worker was lost; after two retries its individuals have failed."""
        key = shard.study, shard.generation, shard.first
        self._losses[key] += 1
        if self._losses[key] > _RETRIES:
            self.complete(shard, failed(shard, reason))
            return
        self._retry_queue.append(shard)
        self._callback.notice(f"{shard.training.optimizer.label}: {reason}; its individuals are trained again.")


def _fraction_done(study: Study) -> float:
    return study.generation.index / len(study.spec.schedule.generations)
