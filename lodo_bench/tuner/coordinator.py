"""Several studies at once: which shard goes out next, and what happens when one comes back. Knows no Ray."""

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
    """Where a search is written down as it goes; `lodo_bench.results.store.Store` is one."""

    def add_generation(self, study: int, generation: GenerationRecord) -> None:
        """Keep a generation that has opened; again for one that is known does nothing."""
        ...

    def add_individuals(self, study: int, individuals: Sequence[IndividualRecord]) -> None:
        """Keep evaluated individuals."""
        ...

    def finish_study(self, study: int, result: Tuned) -> None:
        """Keep the result; again does nothing."""
        ...


class ProgressCallback(Protocol):
    """Who wants to see how the searches go."""

    def progress(self, progress: StudyProgress) -> None:
        """A shard of a study has come back."""
        ...

    def notice(self, message: str) -> None:
        """Something that a person should know has happened."""
        ...


class Coordinator:
    """Hands out shards of all studies, so that a study that waits for its generation leaves no worker idle.

    Each shard that comes back is in the ledger before another is handed out.

    Args:
        studies: the searches, finished ones among them or not.
        ledger: keeps what comes back.
        listener: is told.
    """

    def __init__(self, studies: Sequence[Study], ledger: StudyWriter, listener: ProgressCallback) -> None:
        self._studies = {study.id: study for study in studies}
        self._ledger, self._listener = ledger, listener
        self._retry_queue: list[Shard] = []
        self._losses: Counter[tuple[int, int, int]] = Counter()
        for study in studies:
            if study.finished:
                # Again for most; but one may have been stopped between its last shard and this.
                ledger.finish_study(study.id, study.result)
            else:
                ledger.add_generation(study.id, study.open_generation())
            listener.progress(study.progress())

    @property
    def finished(self) -> bool:
        """Whether every study has its result."""
        return all(study.finished for study in self._studies.values())

    def next_shard(self) -> Shard | None:
        """The next shard to evaluate, from the study that is furthest behind; None if all must wait, or are done."""
        if self._retry_queue:
            return self._retry_queue.pop(0)
        unfinished = [study for study in self._studies.values() if not study.finished]
        for study in sorted(unfinished, key=_done):
            shard = study.next_shard()
            if shard is not None:
                return shard
        return None

    def complete(self, shard: Shard, individuals: Sequence[IndividualRecord]) -> None:
        """Take in the result of a shard."""
        study = self._studies[shard.study]
        self._ledger.add_individuals(study.id, individuals)
        generation = study.complete(individuals)
        if generation is not None and not generation.num_finite:
            self._listener.notice(
                f"{study.spec.optimizer.label}: no individual of generation {generation.index + 1} has a finite loss; "
                f"the mean is unchanged."
            )
        if study.finished:
            self._ledger.finish_study(study.id, study.result)
        elif generation is not None:
            self._ledger.add_generation(study.id, study.open_generation())
        self._listener.progress(study.progress())

    def requeue(self, shard: Shard, reason: str) -> None:
        """Hand a shard whose worker was lost out again; after a few times its individuals are failures."""
        key = shard.study, shard.generation, shard.first
        self._losses[key] += 1
        if self._losses[key] > _RETRIES:
            self.complete(shard, failed(shard, reason))
            return
        self._retry_queue.append(shard)
        self._listener.notice(f"{shard.training.optimizer.label}: {reason}; its individuals are trained again.")


def _done(study: Study) -> float:
    """The fraction of its generations that a study has behind it."""
    return study.generation.index / len(study.spec.schedule.generations)
