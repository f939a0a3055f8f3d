"""Specifications and records of studies (hyperparameter searches)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import MetaTrainedWeights, OptimizerSpec, TaskSpec

DecayTransform = Literal["logit", "log-complement"]


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """One generation of a search: the spread `sigma` (in the rescaled space) and the training `steps` (>= 1)."""

    sigma: float
    steps: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole search (LODO App. E, Table 5), or a meta-training, whose epochs are generations of one individual.

    Attributes:
        name: `paper`, `quick`, or the path of the user's file. Two schedules that differ in nothing else are the same.
        population: individuals in each generation.
        generations: their plans, in order.
        decay_transform: the scale on which decays are searched.
    """

    name: str
    population: int
    generations: tuple[GenerationPlan, ...]
    decay_transform: DecayTransform = "logit"


@dataclass(frozen=True, slots=True)
class StudySpec:
    """One optimizer's search on one task. Everything that its result depends on.

    Attributes:
        task, optimizer, schedule, compute: as their names say; the backend is resolved.
        seed: chosen by the user; the same seed gives the same study.
        shard_size: individuals that are trained together in lockstep.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    schedule: Schedule
    seed: int
    shard_size: int
    compute: ComputeSpec

    def __post_init__(self) -> None:
        self.compute.require_backend()


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """A generation when it opens; `mean` holds natural values."""

    index: int
    sigma: float
    steps: int
    mean: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class IndividualRecord:
    """An evaluated individual of a study.

    Attributes:
        generation, index: which one.
        hyperparameters: natural values by name.
        fitness: mean training loss over the last tenth of its steps; not finite if it diverged or failed.
        status, reason: how its training ended.
        steps: how many steps it took.
        seconds: training time of its whole shard, divided by the number of individuals in it.
        host: the machine it ran on.
        learned: what an epoch of meta-training has learned; None for others, and where it is not asked for.
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
    weights: MetaTrainedWeights | None = None


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A study as it is stored.

    Attributes:
        id: its number, by which the command line knows it.
        spec: what it searches.
        hyperparameters: the result; None while it is unfinished.
        generations, individuals: what has been opened and evaluated so far.
        learned: what a meta-training has learned so far.
    """

    id: int
    spec: StudySpec
    hyperparameters: Mapping[str, float] | None
    generations: tuple[GenerationRecord, ...]
    individuals: tuple[IndividualRecord, ...]
    weights: MetaTrainedWeights | None = None

    @property
    def status(self) -> Literal["finished", "unfinished"]:
        """Whether the search has come to its result."""
        return "unfinished" if self.hyperparameters is None else "finished"

    @property
    def has_result(self) -> bool:
        """Whether the search is finished and found something: where no loss was ever finite, its mean never moved."""
        return self.status == "finished" and any(math.isfinite(member.fitness) for member in self.individuals)

    def count(self, status: Status) -> int:
        """How many individuals ended with `status`."""
        return sum(individual.status is status for individual in self.individuals)
