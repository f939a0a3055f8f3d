"""A study in progress: its search, and the individuals that are still to be evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lodo_bench.backends.compiled_loop import has_compiled_loop
from lodo_bench.errors import DatabaseError, Remedy
from lodo_bench.optimizers import load_optimizer
from lodo_bench.seeding import search_seed
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord, StudySpec
from lodo_bench.spec.training import Individual, OptimizerSpec, TrainingSpec, Tuned
from lodo_bench.tasks import TASKS
from lodo_bench.training.footprint import check_memory, lockstep_size
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.genetic import GeneticSearch
from lodo_bench.tuner.meta_training import MetaTraining
from lodo_bench.tuner.search import Search
from lodo_bench.tuner.shard import Shard
from lodo_bench.tuner.space import SearchSpace

# More individuals in lockstep are no cheaper: their numbers leave the cache.
_MAX_SHARD_SIZE = 32
_STRANGERS = "the database contains individuals that the search does not ask for"


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """The outcome of a generation that is complete: its index and how many of its fitnesses are finite."""

    index: int
    num_finite: int


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """The progress of a study, for display.

    Attributes:
        study: the number of the study.
        seed: the search seed.
        optimizer: the optimizer that is tuned.
        population: the number of individuals of a generation.
        evaluated_of_generation: those of the open generation that are evaluated; all of them when finished.
        generation: the number of the open generation, from 1; the last one when finished.
        generations: the number of generations.
        evaluated: evaluated individuals of all generations so far.
        diverged: those of them that diverged.
        failed: those of them that failed.
        best_fitness: the lowest of the last generation that has any finite one; NaN before.
        mean: the hyperparameters at the current mean, by name.
        finished: true once the search has its result.
    """

    study: int
    seed: int
    optimizer: OptimizerSpec
    population: int
    evaluated_of_generation: int
    generation: int
    generations: int
    evaluated: int
    diverged: int
    failed: int
    best_fitness: float
    mean: Mapping[str, float]
    finished: bool


class Study:
    """A search whose individuals are handed out, in shards of any size, and taken in again.

    It is rebuilt from its record: the stored individuals are replayed, and only the rest is handed out. Where some of
    an earlier generation are missing, because they were damaged, these are handed out, and then the replay goes on.

    Args:
        record: the study as stored, with the individuals evaluated so far.

    Attributes:
        id, spec: as in the record.
        generation: the open generation.
        gains_from_lockstep: true if many individuals in one shard take hardly longer than one, because each step is
            a sequence of PyTorch's operations.

    Raises:
        DatabaseError: if the stored individuals are not those that the search asks for.
    """

    def __init__(self, record: StudyRecord) -> None:
        self.id, self.spec = record.id, record.spec
        task, optimizer = TASKS.load(self.spec.task.name), load_optimizer(self.spec.optimizer)
        self._max_shard_size = max_shard_size(self.spec)
        self.gains_from_lockstep = not has_compiled_loop(task, optimizer, self.spec.compute.backend)
        self._search = _search(record)
        self._records: list[IndividualRecord] = []
        self._current: dict[int, IndividualRecord] = {}
        self._pending: list[int] = []
        self._stored: dict[int, list[IndividualRecord]] = {}
        for individual in record.individuals:
            self._stored.setdefault(individual.generation, []).append(individual)
        planned = range(len(self.spec.schedule.generations))
        if not self._stored.keys() <= set(planned):
            raise self._mismatch(_STRANGERS)
        if load_optimizer(self.spec.optimizer).search == "meta-training":
            self._check_epochs(record)
        self._open()
        self._replay()

    @property
    def finished(self) -> bool:
        """True once the search has its result."""
        return self._search.finished

    @property
    def result(self) -> Tuned:
        """The tuned hyperparameters and weights so far; final once the search is finished."""
        return self._search.result

    @property
    def num_pending(self) -> int:
        """The number of individuals of the open generation that are not handed out."""
        return len(self._pending)

    @property
    def next_index(self) -> int:
        """The index of the individual that is handed out next; there must be one."""
        return self._pending[0]

    @property
    def steps_left(self) -> int:
        """The training steps of all individuals that are not evaluated."""
        plans, population = self.spec.schedule.generations, self.spec.schedule.population
        if self.finished:
            return 0
        steps = population * sum(plan.steps for plan in plans[self.generation.index :])
        return steps - len(self._current) * self.generation.steps

    def take(self, count: int) -> Shard:
        """Hand out the next `count` individuals of the open generation, or as many as are pending and fit together."""
        count = min(count, self._max_shard_size)
        taken, self._pending = self._pending[:count], self._pending[count:]
        return Shard(self.id, self.generation.index, self.training(taken), self.generation.state)

    def training(self, indices: Sequence[int]) -> TrainingSpec:
        """Return the training of individuals of the open generation."""
        spec, generation = self.spec, self.generation
        return TrainingSpec(
            task=spec.task,
            optimizer=spec.optimizer,
            purpose="tuning",
            individuals=tuple(
                Individual((spec.seed, generation.index, index), generation.individuals[index]) for index in indices
            ),
            steps=generation.steps,
            compute=spec.compute,
        )

    def give_back(self, indices: Iterable[int]) -> None:
        """Make individuals of the open generation pending again, to be handed out before the others."""
        self._pending = [*indices, *self._pending]

    def open_generation(self) -> GenerationRecord:
        """Return the record of the open generation."""
        generation = self.generation
        return GenerationRecord(generation.index, generation.sigma, generation.steps, generation.mean)

    def complete(self, individuals: Sequence[IndividualRecord]) -> GenerationResult | None:
        """Take in evaluated individuals of the open generation.

        Returns:
            The generation's result if these were the last of it; None while others are outstanding.
        """
        self._records.extend(individuals)
        self._current.update({individual.index: individual for individual in individuals})
        if len(self._current) < self.spec.schedule.population:
            return None
        result = self._close()
        self._replay()
        return result

    def progress(self) -> StudyProgress:
        """Return the study's progress."""
        plans = self.spec.schedule.generations
        finite = [r for r in self._records if math.isfinite(r.fitness)]
        latest = max((r.generation for r in finite), default=0)
        population = self.spec.schedule.population
        return StudyProgress(
            study=self.id,
            seed=self.spec.seed,
            optimizer=self.spec.optimizer,
            population=population,
            evaluated_of_generation=population if self.finished else len(self._current),
            generation=len(plans) if self.finished else self.generation.index + 1,
            generations=len(plans),
            evaluated=len(self._records),
            diverged=sum(r.status is Status.DIVERGED for r in self._records),
            failed=sum(r.status is Status.FAILED for r in self._records),
            best_fitness=min((r.fitness for r in finite if r.generation == latest), default=math.nan),
            mean=self.result.values,
            finished=self.finished,
        )

    def _open(self) -> None:
        self.generation = self._search.ask()
        self._pending = list(range(len(self.generation.individuals)))

    def _close(self) -> GenerationResult:
        """Tell the search the open generation, all of which is evaluated, and open the next."""
        generation = [self._current[i] for i in range(len(self._current))]
        self._search.tell(generation)
        result = GenerationResult(self.generation.index, sum(math.isfinite(i.fitness) for i in generation))
        self._current = {}
        if not self.finished:
            self._open()
        return result

    def _replay(self) -> None:
        """Tell the search the stored individuals, generation by generation, up to the first incomplete one."""
        while not self.finished and (found := self._stored.pop(self.generation.index, [])):
            indices = {record.index for record in found}
            if not indices <= set(self._pending):
                raise self._mismatch(_STRANGERS)
            self._check(found)
            self._pending = [i for i in self._pending if i not in indices]
            self._records.extend(found)
            self._current.update({individual.index: individual for individual in found})
            if self._pending:
                return
            self._close()

    def _check_epochs(self, record: StudyRecord) -> None:
        """Check that a meta-training can go on: an epoch starts from the state after the one before."""
        is_trained = any(individual.status is Status.COMPLETED for individual in record.individuals)
        if sorted(self._stored) != list(range(len(self._stored))) or (is_trained and record.state is None):
            raise self._mismatch("the state of its meta-training, or an epoch, is missing or damaged")

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


def max_shard_size(spec: StudySpec) -> int:
    """Return the largest number of individuals that a worker trains together."""
    steps = max(generation.steps for generation in spec.schedule.generations)
    most = min(_MAX_SHARD_SIZE, spec.schedule.population)
    return lockstep_size(spec.task, spec.optimizer, spec.compute, steps, most)


def check_search_memory(spec: StudySpec, cluster: Cluster) -> None:
    """Make sure that the workers of a search fit in memory, each with a shard; of other machines nothing is known.

    Raises:
        UsageError: if they do not.
    """
    if cluster.address is None:
        size, population = max_shard_size(spec), spec.schedule.population
        check_memory(spec.task, spec.optimizer, spec.compute, size, cluster.sharing(math.ceil(population / size)))


def _search(record: StudyRecord) -> Search:
    spec = record.spec
    optimizer = load_optimizer(spec.optimizer)
    if optimizer.search == "meta-training":
        return MetaTraining(spec.schedule, record.state)
    space = SearchSpace(optimizer.hyperparameters, spec.schedule.decay_transform)
    seed = search_seed(spec.task, spec.optimizer, spec.seed)
    return GeneticSearch(space, spec.schedule, seed)
