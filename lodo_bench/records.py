"""What is kept: the studies (searches), the run sets (final runs), and what is said of where they ran.

Plain frozen dataclasses, like those of `lodo_bench.spec`; the tuner and the commands make them, the store keeps them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lodo_bench.spec import Device, DType, Kernel, Learned, OptimizerSpec, Status, TaskSpec

DecayTransform = Literal["logit", "log-complement"]
Source = Literal["tuned", "paper", "default", "given"]


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
        task, optimizer, schedule, device, dtype, kernel: as their names say; the kernel is never `auto`.
        seed: chosen by the user; the same seed gives the same study.
        shard_size: individuals that are trained together in lockstep.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    schedule: Schedule
    seed: int
    shard_size: int
    device: Device
    dtype: DType
    kernel: Kernel


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
    learned: Learned | None = None


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
    learned: Learned | None = None

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


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The values of a final run and where they are from; `origin` says it in words, e.g. the study's number.

    `learned_in` is the study that a meta-trained optimizer's weights are from.
    """

    values: Mapping[str, float]
    source: Source
    origin: str
    learned_in: int | None = None

    @property
    def study(self) -> int | None:
        """The number of the study that tuned values are from; of some tasks final runs take them with other rates."""
        named = re.match(r"study (\d+)\b", self.origin)
        return int(named[1]) if self.source == "tuned" and named else None


@dataclass(frozen=True, slots=True)
class RunSetSpec:
    """Final runs of one optimizer with the same settings, one for each seed.

    Attributes:
        task, optimizer, device, dtype, kernel: as their names say; the kernel is never `auto`.
        hyperparameters: the values and where they are from.
        steps: the step milestone.
        seconds: the time milestone, if any.
        seeds: how many runs; their seeds are 0, 1, ...
        timed: one at a time, by the clock; otherwise in lockstep, without times.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    hyperparameters: Hyperparameters
    steps: int
    seconds: float | None
    seeds: int
    timed: bool
    device: Device
    dtype: DType
    kernel: Kernel


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run's speed depends on; two runs on equal machines can be compared by the clock."""

    device: str
    cpu: str
    cores: int
    threads: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where, when and with what something was computed.

    Attributes:
        command: the command line.
        versions: of Python, lodo-bench, torch, numpy and, where used, ray.
        commit: of the working copy, `""` outside one.
        host: the machine's name.
        machine: what its speed depends on.
        started: UTC, ISO 8601.
    """

    command: str
    versions: Mapping[str, str]
    commit: str
    host: str
    machine: Machine
    started: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One final run.

    Attributes:
        seed: its seed.
        status, reason: how it ended.
        steps: gradient evaluations on fresh batches.
        evaluations: all gradient evaluations.
        training_seconds: time on the training clock; None for a run in lockstep with others.
        milestones: mean loss before each milestone that was reached, by its key; not finite if the run diverged.
        scores: what else was measured at each milestone, by its key and name, e.g. `test_loss`.
    """

    seed: int
    status: Status
    reason: str
    steps: int
    evaluations: int
    training_seconds: float | None
    milestones: Mapping[str, float]
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def steps_per_second(self) -> float | None:
        """Speed of a timed run."""
        if not self.training_seconds:
            return None
        return self.steps / self.training_seconds


@dataclass(frozen=True, slots=True)
class RunSetRecord:
    """A run set as it is stored: its runs by seed, for each where it ran, and when the set was opened (UTC)."""

    id: int
    spec: RunSetSpec
    runs: tuple[RunRecord, ...]
    provenances: tuple[Provenance, ...]
    created: str = ""

    @property
    def missing_seeds(self) -> tuple[int, ...]:
        """Seeds that have no run, or one that was interrupted."""
        done = {run.seed for run in self.runs if run.status is not Status.INTERRUPTED}
        return tuple(seed for seed in range(self.spec.seeds) if seed not in done)
