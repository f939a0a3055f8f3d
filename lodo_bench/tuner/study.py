"""One study at work: its genetic search, and which of its individuals are still to be evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lodo_bench.errors import DatabaseError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord
from lodo_bench.spec.training import Individual, MetaTrainingSpec, OptimizerSpec, TrainingSpec
from lodo_bench.training.meta import is_meta_trained
from lodo_bench.tuner.genetic import GeneticSearch
from lodo_bench.tuner.space import SearchSpace


@dataclass(frozen=True, slots=True)
class Shard:
    """Some individuals of one generation that are trained together; what travels to a worker.

    Attributes:
        study: the study's number.
        generation: the generation's index.
        first: the index of its first individual.
        training: what to train, or the epoch of a meta-training to go through.
    """

    study: int
    generation: int
    first: int
    training: TrainingSpec | MetaTrainingSpec


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """How far a study is, for people to see.

    Attributes:
        optimizer: whose hyperparameters are searched.
        generation: the number of the open generation, from 1; the last one when finished.
        generations: how many there are.
        evaluated, diverged, failed: individuals of all generations so far.
        best_fitness: the lowest of the last generation that has any finite one; NaN before.
        mean: the current mean, natural values.
        steps_done, steps_total: individual training steps.
        finished: whether the search has its result.
    """

    optimizer: OptimizerSpec
    generation: int
    generations: int
    evaluated: int
    diverged: int
    failed: int
    best_fitness: float
    mean: dict[str, float]
    steps_done: int
    steps_total: int
    finished: bool


class Study:
    """A genetic search fed shard by shard, or a meta-training fed epoch by epoch.

    A meta-training is a search over no hyperparameters in generations of one individual, in which each starts with what
    the one before has learned.

    It is rebuilt from its record: what is stored is told to the search again, and only the rest is handed out.

    Args:
        record: the study as stored, with whatever of it has been evaluated.

    Raises:
        DatabaseError: if the stored individuals are not those that the search asks for.
    """

    def __init__(self, record: StudyRecord) -> None:
        self.id, self.spec = record.id, record.spec
        self._parameters = OPTIMIZERS.load(self.spec.optimizer.name).hyperparameters
        space = SearchSpace(self._parameters, self.spec.schedule.decay_transform)
        seed = derive_seed("search", self.spec.task.name, self.spec.optimizer.name, self.spec.seed)
        self._search = GeneticSearch(space, self.spec.schedule, seed)
        self._learned = record.weights
        self._records: list[IndividualRecord] = []
        self._current: dict[int, IndividualRecord] = {}
        self._pending: list[Shard] = []
        self._open()
        self._replay(record.individuals)

    @property
    def finished(self) -> bool:
        """Whether the search has its result."""
        return self._search.finished

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The mean of the search; its result once it is finished."""
        return self._search.mean

    def next_shard(self) -> Shard | None:
        """A shard of the open generation that nobody has yet, or None if this generation's barrier must be awaited."""
        return self._pending.pop(0) if self._pending else None

    def open_generation(self) -> GenerationRecord:
        """The open generation, as it is stored."""
        generation = self.generation
        return GenerationRecord(generation.index, generation.sigma, generation.steps, generation.mean)

    def complete(self, individuals: Sequence[IndividualRecord]) -> bool | None:
        """Take in the individuals of a shard.

        Returns:
            None while the generation has others to wait for; at its end, whether any of its fitnesses was finite.
        """
        self._records.extend(individuals)
        self._learned = individuals[-1].weights or self._learned
        self._current.update({individual.index: individual for individual in individuals})
        if len(self._current) < self.spec.schedule.population:
            return None
        found = self._search.tell([self._current[i].fitness for i in range(len(self._current))])
        self._current = {}
        if not self.finished:
            self._open()
        return found

    def progress(self) -> StudyProgress:
        """How far it is."""
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
            mean=self.hyperparameters,
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
            yield Shard(self.id, generation.index, first, self._training(individuals))

    def _training(self, individuals: tuple[Individual, ...]) -> TrainingSpec | MetaTrainingSpec:
        spec, steps = self.spec, self.generation.steps
        kind: Callable[..., TrainingSpec | MetaTrainingSpec] = partial(TrainingSpec, purpose="tuning")
        if is_meta_trained(spec.optimizer.name):
            kind = partial(MetaTrainingSpec, before=self._learned)
        return kind(
            task=spec.task,
            optimizer=spec.optimizer,
            individuals=individuals,
            steps=steps,
            compute=spec.compute,
        )

    def _replay(self, known: Sequence[IndividualRecord]) -> None:
        """Tell the search what is known, generation by generation, up to the first that is not complete."""
        by_generation: dict[int, dict[int, IndividualRecord]] = {}
        for record in known:
            by_generation.setdefault(record.generation, {})[record.index] = record
        for index in sorted(by_generation):
            found = by_generation[index]
            for shard in list(self._pending):
                members = [
                    found[i] for i in range(shard.first, shard.first + len(shard.training.individuals)) if i in found
                ]
                if shard.generation == index and len(members) == len(shard.training.individuals):
                    self._pending.remove(shard)
                    self._check(members)
                    self.complete(members)
        if len(self._records) < len(known):
            raise self._altered("individuals are stored that it has not asked for")

    def _check(self, individuals: Sequence[IndividualRecord]) -> None:
        for record in individuals:
            if dict(record.hyperparameters) != self.generation.individuals[record.index]:
                raise self._altered(
                    f"individual {record.index} of generation {record.generation} is stored with other "
                    f"hyperparameters than its seed gives"
                )

    def _altered(self, how: str) -> DatabaseError:
        return DatabaseError(
            f"study {self.id} cannot be continued: {how}, so it comes from another version or was altered. "
            f"Start anew with --fresh."
        )
