"""Records as JSON-like documents: each fact has one name in all commands, reports and exported tables.

A summary has the name of a schedule and the numbers of generations and individuals; the document of a study has the
schedule, the generations and the individuals themselves under the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from lodo_bench.analysis.comparison import summarize_run_set
from lodo_bench.analysis.edges import Edges, edges_of
from lodo_bench.spec.compute import BackendChoice, ComputeSpec, Device, DType
from lodo_bench.spec.options import Value
from lodo_bench.spec.outcome import MetricHistory, Status
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, Source
from lodo_bench.spec.study import IndividualRecord, StudyRecord, StudySummary
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

Metrics = Mapping[str, MetricHistory]  # by name


class TaskDocument(TypedDict):
    """A task."""

    task: str
    task_options: Mapping[str, Value]


class OptimizerDocument(TypedDict):
    """An optimizer."""

    optimizer: str
    optimizer_options: Mapping[str, Value]
    optimizer_recipe: Mapping[str, Value]
    optimizer_version: str


class HyperparametersDocument(TypedDict):
    """Hyperparameters and their source."""

    hyperparameters: Mapping[str, float]
    hyperparameters_source: Source
    study_id: int | None
    provenance_note: str


class ComputeDocument(TypedDict):
    """Compute settings."""

    device: Device
    dtype: DType
    backend: BackendChoice


class OutcomeDocument(TypedDict):
    """The outcome of a run, without its scores."""

    seed: int
    status: Status
    reason: str
    steps: int
    evaluations: int
    training_seconds: float | None


class RunDocument(OutcomeDocument):
    """A run; `milestones` has the scores by milestone and name, `metrics` the first and the last value by name."""

    steps_per_second: float | None
    milestones: Mapping[str, Mapping[str, float]]
    metrics: Mapping[str, Mapping[str, float]]


class RunSettingsDocument(TaskDocument, OptimizerDocument, HyperparametersDocument, ComputeDocument):
    """The settings that the runs of a run set share."""

    run_set: int


class RunSetDocument(RunSettingsDocument):
    """A run set; `summary` has the mean losses by milestone, and the mean speed.

    `at_edge` has the ranges of the tuned values at an edge of theirs, by name.
    """

    at_edge: Edges
    timed: bool
    deterministic: bool
    runs: Sequence[RunDocument]
    summary: Mapping[str, Any]


class RunSetSummaryDocument(TaskDocument, OptimizerDocument):
    """A run set without its runs; `seeds` and `missing` are numbers of runs."""

    run_set: int
    hyperparameters_source: Source
    steps: int
    seconds: float | None
    timed: bool
    seeds: int
    first_seed: int
    deterministic: bool
    missing: int


class IndividualDocument(TypedDict):
    """An individual of a study."""

    generation: int
    index: int
    hyperparameters: Mapping[str, float]
    fitness: float
    status: Status
    reason: str
    steps: int
    seconds: float
    host: str


class StudySummaryDocument(TaskDocument, OptimizerDocument):
    """A study with the name of its schedule and the numbers of its generations and evaluated individuals."""

    study: int
    schedule: str
    seed: int
    status: str
    generations: int
    individuals: int


class StudyDocument(TaskDocument, OptimizerDocument, ComputeDocument):
    """A study with its schedule, generations and individuals; `hyperparameters` are None until it is finished.

    `at_edge` has the ranges of those of them that are at an edge of theirs, by name.
    """

    study: int
    schedule: Mapping[str, Any]
    seed: int
    status: str
    hyperparameters: Mapping[str, float] | None
    at_edge: Edges
    generations: Sequence[Mapping[str, Any]]
    individuals: Sequence[IndividualDocument]


def task_document(task: TaskSpec) -> TaskDocument:
    """Return a task as a document."""
    return {"task": task.name, "task_options": task.options}


def optimizer_document(optimizer: OptimizerSpec) -> OptimizerDocument:
    """Return an optimizer as a document."""
    return {
        "optimizer": optimizer.name,
        "optimizer_options": optimizer.options,
        "optimizer_recipe": optimizer.recipe,
        "optimizer_version": optimizer.version,
    }


def hyperparameters_document(hyperparameters: Hyperparameters) -> HyperparametersDocument:
    """Return hyperparameters as a document."""
    return {
        "hyperparameters": hyperparameters.values,
        "hyperparameters_source": hyperparameters.source,
        "study_id": hyperparameters.study_id,
        "provenance_note": hyperparameters.provenance_note,
    }


def compute_document(compute: ComputeSpec) -> ComputeDocument:
    """Return compute settings as a document."""
    return {"device": compute.device, "dtype": compute.dtype, "backend": compute.backend}


def outcome_document(run: RunRecord) -> OutcomeDocument:
    """Return the outcome of a run as a document."""
    return {
        "seed": run.seed,
        "status": run.status,
        "reason": run.reason,
        "steps": run.steps,
        "evaluations": run.evaluations,
        "training_seconds": run.training_seconds,
    }


def run_document(run: RunRecord, metrics: Metrics) -> RunDocument:
    """Return a run as a document."""
    return {
        **outcome_document(run),
        "steps_per_second": run.steps_per_second,
        "milestones": {at.key: {"loss": loss, **run.scores.get(at, {})} for at, loss in run.milestones.items()},
        "metrics": {name: {"first": found.values[0], "last": found.values[-1]} for name, found in metrics.items()},
    }


def run_settings_document(record: RunSetRecord) -> RunSettingsDocument:
    """Return the settings of a run set as a document."""
    spec = record.spec
    return {
        "run_set": record.id,
        **task_document(spec.task),
        **optimizer_document(spec.optimizer),
        **hyperparameters_document(spec.hyperparameters),
        **compute_document(spec.compute),
    }


def run_set_document(record: RunSetRecord, metrics: Mapping[int, Metrics]) -> RunSetDocument:
    """Return a run set, with the metrics of its runs by seed, as a document."""
    row = summarize_run_set(record)
    return {
        **run_settings_document(record),
        "at_edge": row.edges,
        "timed": record.spec.timed,
        "deterministic": record.spec.deterministic,
        "runs": [run_document(run, metrics[run.seed]) for run in record.runs],
        "summary": {
            "milestones": {milestone.key: asdict(losses) for milestone, losses in row.losses.items()},
            "steps_per_second": None if row.speed is None else asdict(row.speed),
        },
    }


def run_set_summary_document(record: RunSetRecord) -> RunSetSummaryDocument:
    """Return a run set without its runs as a document."""
    spec = record.spec
    return {
        "run_set": record.id,
        **task_document(spec.task),
        **optimizer_document(spec.optimizer),
        "hyperparameters_source": spec.hyperparameters.source,
        "steps": spec.steps,
        "seconds": spec.seconds,
        "timed": spec.timed,
        "seeds": spec.num_seeds,
        "first_seed": spec.first_seed,
        "deterministic": spec.deterministic,
        "missing": len(record.missing_seeds),
    }


def individual_document(individual: IndividualRecord) -> IndividualDocument:
    """Return an individual as a document."""
    return {
        "generation": individual.generation,
        "index": individual.index,
        "hyperparameters": individual.hyperparameters,
        "fitness": individual.fitness,
        "status": individual.status,
        "reason": individual.reason,
        "steps": individual.steps,
        "seconds": individual.seconds,
        "host": individual.host,
    }


def study_summary_document(study: StudySummary) -> StudySummaryDocument:
    """Return a study in numbers as a document."""
    spec = study.spec
    return {
        "study": study.id,
        **task_document(spec.task),
        **optimizer_document(spec.optimizer),
        "schedule": spec.schedule.name,
        "seed": spec.seed,
        "status": study.status,
        "generations": study.num_generations,
        "individuals": study.num_individuals,
    }


def study_document(study: StudyRecord) -> StudyDocument:
    """Return a study with all of its individuals as a document."""
    spec = study.spec
    return {
        "study": study.id,
        **task_document(spec.task),
        **optimizer_document(spec.optimizer),
        **compute_document(spec.compute),
        "schedule": asdict(spec.schedule),
        "seed": spec.seed,
        "status": study.status,
        "hyperparameters": study.hyperparameters,
        "at_edge": edges_of(spec.optimizer, study.hyperparameters),
        "generations": [asdict(generation) for generation in study.generations],
        "individuals": [individual_document(individual) for individual in study.individuals],
    }
