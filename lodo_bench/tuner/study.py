"""A study in progress: its search, and the individuals that are still to be evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lodo_bench.errors import DatabaseError, Remedy
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord
from lodo_bench.spec.training import Individual, MetaTrainingState, OptimizerSpec, TrainingSpec, Tuned
from lodo_bench.tuner.genetic import GeneticSearch
from lodo_bench.tuner.meta_training import MetaTraining
from lodo_bench.tuner.search import Search
from lodo_bench.tuner.space import SearchSpace


@dataclass(frozen=True, slots=True)
class Shard:
    """Some individuals of one generation that are trained together: the unit of work that is sent to a worker.

    Attributes:
        study: the study's number.
        generation: the generation's index.
        first: the index of its first individual.
        training: the individuals, and how they are trained.
        state: the state that an epoch of meta-training starts from; None for the first, and for other searches.
    """

    study: int
    generation: int
    first: int
    training: TrainingSpec
    state: MetaTrainingState | None = None


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """The outcome of a generation that is complete: its index and how many of its fitnesses are finite."""

    index: int
    num_finite: int


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """The progress of a study, for display.

    Attributes:
        optimizer: the optimizer that is tuned.
        generation: the number of the open generation, from 1; the last one when finished.
        generations: the number of generations.
        evaluated: evaluated individuals of all generations so far.
        diverged: those of them that diverged.
        failed: those of them that failed.
        best_fitness: the lowest of the last generation that has any finite one; NaN before.
        mean: the hyperparameters at the current mean, by name.
        steps_done: training steps of the evaluated individuals.
        steps_total: training steps of all individuals of the search.
        finished: true once the search has its result.
    """

    optimizer: OptimizerSpec
    generation: int
    generations: int
    evaluated: int
    diverged: int
    failed: int
    best_fitness: float
    mean: Mapping[str, float]
    steps_done: int
    steps_total: int
    finished: bool


class Study:
    """A search fed shard by shard.

    It is rebuilt from its record: the stored individuals are replayed, and only the rest is handed out.

    Args:
        record: the study as stored, with the individuals evaluated so far.

    Raises:
        DatabaseError: if the stored individuals are not those that the search asks for.
    """

    def __init__(self, record: StudyRecord) -> None:
        self.id, self.spec = record.id, record.spec
        self._search = _search(record)
        self._records: list[IndividualRecord] = []
        self._current: dict[int, IndividualRecord] = {}
        self._pending: list[Shard] = []
        self._open()
        self._replay(record.individuals)

    @property
    def finished(self) -> bool:
        """True once the search has its result."""
        return self._search.finished

    @property
    def result(self) -> Tuned:
        """The tuned hyperparameters and weights so far; final once the search is finished."""
        return self._search.result

    def next_shard(self) -> Shard | None:
        """Hand out a shard of the open generation, each once; None while others of the generation are outstanding."""
        return self._pending.pop(0) if self._pending else None

    def open_generation(self) -> GenerationRecord:
        """Return the record of the open generation."""
        generation = self.generation
        return GenerationRecord(generation.index, generation.sigma, generation.steps, generation.mean)

    def complete(self, individuals: Sequence[IndividualRecord]) -> GenerationResult | None:
        """Take in the individuals of a shard.

        Returns:
            The generation's result if these were the last of it; None while others are outstanding.
        """
        self._records.extend(individuals)
        self._current.update({individual.index: individual for individual in individuals})
        if len(self._current) < self.spec.schedule.population:
            return None
        generation = [self._current[i] for i in range(len(self._current))]
        self._search.tell(generation)
        result = GenerationResult(self.generation.index, sum(math.isfinite(i.fitness) for i in generation))
        self._current = {}
        if not self.finished:
            self._open()
        return result

    def progress(self) -> StudyProgress:
        """Return the study's progress."""
        plans = self.spec.schedule.generations
        finite = [r for r in self._records if math.isfinite(r.fitness)]
        latest = max((r.generation for r in finite), default=0)
        return StudyProgress(
            optimizer=self.spec.optimizer,
            generation=len(plans) if self.finished else self.generation.index + 1,
            generations=len(plans),
            evaluated=len(self._records),
            diverged=sum(r.status is Status.DIVERGED for r in self._records),
            failed=sum(r.status is Status.FAILED for r in self._records),
            best_fitness=min((r.fitness for r in finite if r.generation == latest), default=math.nan),
            mean=self.result.values,
            steps_done=sum(plans[r.generation].steps for r in self._records),
            steps_total=self.spec.schedule.population * sum(plan.steps for plan in plans),
            finished=self.finished,
        )

    def _open(self) -> None:
        self.generation = self._search.ask()
        self._pending = list(self._shards())

    def _shards(self) -> Iterator[Shard]:
        spec, generation = self.spec, self.generation
        for first in range(0, spec.schedule.population, spec.shard_size):
            values = generation.individuals[first : first + spec.shard_size]
            individuals = tuple(
                Individual((spec.seed, generation.index, first + offset), value) for offset, value in enumerate(values)
            )
            training = TrainingSpec(
                task=spec.task,
                optimizer=spec.optimizer,
                purpose="tuning",
                individuals=individuals,
                steps=generation.steps,
                compute=spec.compute,
            )
            yield Shard(self.id, generation.index, first, training, generation.state)

    def _replay(self, stored: Sequence[IndividualRecord]) -> None:
        """Tell the search the stored individuals, generation by generation, up to the first incomplete one."""
        by_generation: dict[int, dict[int, IndividualRecord]] = {}
        for record in stored:
            by_generation.setdefault(record.generation, {})[record.index] = record
        for index in sorted(by_generation):
            found = by_generation[index]
            for shard in list(self._pending):
                count = len(shard.training.individuals)
                members = [found[i] for i in range(shard.first, shard.first + count) if i in found]
                if shard.generation == index and len(members) == count:
                    self._pending.remove(shard)
                    self._check(members)
                    self.complete(members)
        if len(self._records) < len(stored):
            raise self._mismatch("the database contains individuals that the search does not ask for")

    def _check(self, individuals: Sequence[IndividualRecord]) -> None:
        for record in individuals:
            if dict(record.hyperparameters) != self.generation.individuals[record.index]:
                raise self._mismatch(
                    f"individual {record.index} of generation {record.generation} has other hyperparameters "
                    f"in the database than the search draws from its seed"
                )

    def _mismatch(self, problem: str) -> DatabaseError:
        return DatabaseError(
            f"study {self.id} cannot be resumed: {problem}. It was written by another version or was altered.",
            remedy=Remedy.START_FRESH,
        )


def _search(record: StudyRecord) -> Search:
    spec = record.spec
    optimizer = OPTIMIZERS.load(spec.optimizer.name)
    if optimizer.search == "meta-training":
        return MetaTraining(spec.schedule, record.state)
    space = SearchSpace(optimizer.hyperparameters, spec.schedule.decay_transform)
    seed = derive_seed("search", spec.task.name, spec.optimizer.name, spec.seed)
    return GeneticSearch(space, spec.schedule, seed)
