"""Specifications and records of final runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

Source = Literal["tuned", "paper", "default", "given"]


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The values of a final run and where they are from; `origin` says it in words, e.g. the study's number.

    `weights_study_id` is the study that a meta-trained optimizer's weights are from.
    """

    values: Mapping[str, float]
    source: Source
    provenance_note: str
    weights_study_id: int | None = None

    @property
    def label(self) -> str:
        """The source with its note, such as `tuned (study 3)`."""
        return f"{self.source} ({self.provenance_note})" if self.provenance_note else self.source

    @property
    def study(self) -> int | None:
        """The number of the study that tuned values are from; of some tasks final runs take them with other rates."""
        named = re.match(r"study (\d+)\b", self.provenance_note)
        return int(named[1]) if self.source == "tuned" and named else None


@dataclass(frozen=True, slots=True)
class RunSetSpec:
    """Final runs of one optimizer with the same settings, one for each seed.

    Attributes:
        task, optimizer, compute: as their names say; the backend is resolved.
        hyperparameters: the values and where they are from.
        steps: the step milestone.
        seconds: the time milestone, if any.
        num_seeds: the number of runs; their seeds are 0, 1, ...
        timed: one at a time, by the clock; otherwise in lockstep, without times.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    hyperparameters: Hyperparameters
    steps: int
    seconds: float | None
    num_seeds: int
    timed: bool
    compute: ComputeSpec

    def __post_init__(self) -> None:
        self.compute.require_backend()


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
        return tuple(seed for seed in range(self.spec.num_seeds) if seed not in done)
