"""Specifications and records of studies (hyperparameter searches)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.options import Kind
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import MetaTrainingState, OptimizerSpec, SearchKind, TaskSpec, Tuned

DecayTransform = Literal["logit", "log-complement"]


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """One generation of a search.

    Attributes:
        sigma: the standard deviation around the mean, in the unconstrained space.
        steps: training steps of each individual (>= 1).
    """

    sigma: float
    steps: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole search (LODO App. E, Table 5), or a meta-training, whose epochs are generations of one individual.

    Attributes:
        name: `paper`, `quick`, `smoke`, or the path of the user's file; a label that identifies nothing.
        population: individuals in each generation.
        generations: their plans, in order.
        decay_transform: the scale on which decays are searched.
    """

    name: str
    population: int
    generations: tuple[GenerationPlan, ...]
    decay_transform: DecayTransform = "logit"

    @property
    def individual_steps(self) -> int:
        """The planned budget: the training steps of all individuals together."""
        return self.population * sum(generation.steps for generation in self.generations)


Schedules = Mapping[SearchKind, Schedule]


@dataclass(frozen=True, slots=True)
class StudySpec:
    """One optimizer's search on one task: everything that its result depends on.

    Attributes:
        task: the task, with its options.
        optimizer: the optimizer, with its structural options.
        schedule: population, spreads and training steps.
        seed: chosen by the user; the same seed gives the same study.
        compute: device, dtype and backend; the backend is resolved.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    schedule: Schedule
    seed: int
    compute: ComputeSpec

    def __post_init__(self) -> None:
        self.compute.require_backend()


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """A generation as it was when it opened; `mean` holds the values by name."""

    index: int
    sigma: float
    steps: int
    mean: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result of training one individual of a study: the part of its record that does not say which one it is.

    Attributes:
        fitness, status, reason, steps, seconds, state: as in `IndividualRecord`.
    """

    fitness: float
    status: Status
    reason: str = ""
    steps: int = 0
    seconds: float = 0.0
    state: MetaTrainingState | None = None


@dataclass(frozen=True, slots=True)
class IndividualRecord:
    """An evaluated individual of a study.

    Attributes:
        generation: the index of its generation.
        index: its index within the generation.
        hyperparameters: its values by name.
        fitness: mean training loss over the last tenth of its steps; not finite if it diverged or failed.
        status: how its training ended.
        reason: the cause, where the status needs one; else empty.
        steps: training steps that it took.
        seconds: training time of its whole shard, divided by the number of individuals in it.
        host: the machine it ran on.
        state: the state after an epoch of meta-training; None for others, and in records that come from a database,
            which keeps the latest state only.
    """

    generation: int
    index: int
    hyperparameters: Mapping[str, float]
    fitness: float
    status: Status
    reason: str
    steps: int
    seconds: float
    host: str
    state: MetaTrainingState | None = None


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A stored study in numbers, without its generations and individuals.

    Attributes:
        id, spec, result: as in `StudyRecord`.
        num_generations: generations opened so far.
        num_individuals: individuals evaluated so far.
        has_finite_loss: True if the loss of any of them is finite.
        steps: training steps of all of them.
        seconds: training time of all of them, on one worker each; several workers share it.
        created, annotation: as in `StudyRecord`.
        searched: the names of the hyperparameters of its generations; none in a meta-training, and before the first.
    """

    id: int
    spec: StudySpec
    result: Tuned | None
    num_generations: int
    num_individuals: int
    has_finite_loss: bool
    steps: int
    seconds: float
    created: str = ""
    annotation: Annotation = Annotation()  # noqa: RUF009 (it is frozen)
    searched: tuple[str, ...] = ()

    @property
    def status(self) -> Literal["finished", "unfinished"]:
        """`finished` once the search has its result."""
        return "unfinished" if self.result is None else "finished"

    @property
    def has_result(self) -> bool:
        """True for a finished search in which any loss was finite; where none ever was, its mean never moved."""
        return self.result is not None and self.has_finite_loss


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A study as it is stored.

    Attributes:
        id: its number, by which the command line knows it.
        spec: its specification.
        result: the tuned hyperparameters and weights; None while it is unfinished.
        generations: those that have been opened so far.
        individuals: those that have been evaluated so far.
        state: the latest state of a meta-training; None before its first epoch, and for other searches.
        created: when it was opened, UTC, ISO 8601.
        annotation: the user's note and tags.
        kinds: the kinds of the hyperparameters that it searches, by name; None if a former version opened it.
    """

    id: int
    spec: StudySpec
    result: Tuned | None
    generations: tuple[GenerationRecord, ...]
    individuals: tuple[IndividualRecord, ...]
    state: MetaTrainingState | None = None
    created: str = ""
    annotation: Annotation = Annotation()  # noqa: RUF009 (it is frozen)
    kinds: Mapping[str, Kind] | None = None

    @property
    def hyperparameters(self) -> Mapping[str, float] | None:
        """The tuned hyperparameters; None while the study is unfinished."""
        return None if self.result is None else self.result.values

    @property
    def status(self) -> Literal["finished", "unfinished"]:
        """`finished` once the search has its result."""
        return "unfinished" if self.result is None else "finished"

    @property
    def has_result(self) -> bool:
        """True for a finished search in which any loss was finite; where none ever was, its mean never moved."""
        return self.summary.has_result

    @property
    def summary(self) -> StudySummary:
        """The study in numbers."""
        return StudySummary(
            id=self.id,
            spec=self.spec,
            result=self.result,
            num_generations=len(self.generations),
            num_individuals=len(self.individuals),
            has_finite_loss=any(math.isfinite(member.fitness) for member in self.individuals),
            steps=sum(member.steps for member in self.individuals),
            seconds=sum(member.seconds for member in self.individuals),
            created=self.created,
            annotation=self.annotation,
            searched=tuple(self.generations[0].mean) if self.generations else (),
        )

    def count(self, status: Status) -> int:
        """Count the individuals that ended with `status`."""
        return sum(individual.status is status for individual in self.individuals)
