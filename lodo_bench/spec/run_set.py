"""Specifications and records of final runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.facts import UNKNOWN, Facts
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

Source = Literal["tuned", "paper", "default", "given"]
# The sources that can be chosen, in the order of preference.
SOURCES: tuple[Source, ...] = ("tuned", "paper", "default")


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The values of a final run and their source.

    Attributes:
        values: natural values by name.
        source: where they come from.
        provenance_note: details for the reader, e.g. `Table 6` or `learning rate × 0.5`.
        study_id: the study that tuned them; None for values from elsewhere.
        weights_study_id: the study that trained a meta-trained optimizer's weights; None for other optimizers.
    """

    values: Mapping[str, float]
    source: Source
    provenance_note: str
    study_id: int | None = None
    weights_study_id: int | None = None

    @property
    def label(self) -> str:
        """The source with its details: `tuned (study 3, learning rate × 0.5)`."""
        study = "" if self.study_id is None else f"study {self.study_id}"
        details = ", ".join(filter(None, (study, self.provenance_note)))
        return f"{self.source} ({details})" if details else self.source


@dataclass(frozen=True, slots=True)
class RunSetSpec:
    """Final runs of one optimizer with the same settings, one for each seed.

    Attributes:
        task, optimizer, compute: as their names say; the backend is resolved.
        hyperparameters: the values and where they are from.
        steps: the step milestone.
        seconds: the time milestone, if any.
        num_seeds: the number of runs.
        timed: one run at a time, timed; otherwise in lockstep, without times.
        first_seed: the first of their consecutive seeds. The runs at the result of each of several searches have seeds
            of their own.
        deterministic: no seed changes anything, so that one run stands for all.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    hyperparameters: Hyperparameters
    steps: int
    seconds: float | None
    num_seeds: int
    timed: bool
    compute: ComputeSpec
    first_seed: int = 0
    deterministic: bool = False

    def __post_init__(self) -> None:
        self.compute.require_backend()

    @property
    def seeds(self) -> range:
        """The seeds of the runs."""
        return range(self.first_seed, self.first_seed + self.num_seeds)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One final run.

    Attributes:
        seed: its seed.
        status, reason: how it ended.
        steps: gradient evaluations on fresh batches.
        evaluations: all gradient evaluations.
        training_seconds: time on the training clock; None for a run in lockstep with others.
        milestones: mean loss before each milestone that was reached; not finite if the run diverged.
        scores: other measurements at each milestone, by name, e.g. `test_loss`.
    """

    seed: int
    status: Status
    reason: str
    steps: int
    evaluations: int
    training_seconds: float | None
    milestones: Mapping[Milestone, float]
    scores: Mapping[Milestone, Mapping[str, float]] = field(default_factory=dict)

    @property
    def steps_per_second(self) -> float | None:
        """The speed of a timed run; None for one that was not timed, or whose time is no time that steps can take."""
        speed = self.steps / self.training_seconds if self.training_seconds else math.inf
        return speed if math.isfinite(speed) else None


@dataclass(frozen=True, slots=True)
class RunSetRecord:
    """A run set as it is stored: its runs by seed, for each where it ran, and when the set was opened (UTC).

    `annotation` is the user's note and tags; `facts` are None in sets that a former version opened.
    """

    id: int
    spec: RunSetSpec
    runs: tuple[RunRecord, ...]
    provenances: tuple[Provenance, ...]
    created: str = ""
    annotation: Annotation = Annotation()  # noqa: RUF009 (it is frozen)
    facts: Facts | None = None

    @property
    def commands(self) -> list[Provenance]:
        """The invocations of the program that made its runs, each once."""
        found: list[Provenance] = []
        for provenance in self.provenances:
            if provenance not in found:
                found.append(provenance)
        return found

    @property
    def missing_seeds(self) -> tuple[int, ...]:
        """Seeds that have no run, or one that was interrupted."""
        done = {run.seed for run in self.runs if run.status is not Status.INTERRUPTED}
        return tuple(seed for seed in self.spec.seeds if seed not in done)

    @property
    def has_failed(self) -> bool:
        """True if a run failed."""
        return any(run.status is Status.FAILED for run in self.runs)


def latest_facts(run_sets: Iterable[RunSetRecord]) -> Facts:
    """Return the facts that the latest of some run sets has, of those that have any."""
    stated = {record.id: record.facts for record in run_sets if record.facts is not None}
    return stated[max(stated)] if stated else UNKNOWN
