"""Records as JSON-like documents: each fact has one name in all commands, reports and exported tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from lodo_bench.analysis.comparison import summarize_run_set
from lodo_bench.analysis.edges import Edges, edges_of, edges_of_runs
from lodo_bench.results.damage import Damage
from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.compute import BackendChoice, ComputeSpec, Device, DType
from lodo_bench.spec.options import Value
from lodo_bench.spec.outcome import MetricHistory, Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, Source
from lodo_bench.spec.study import IndividualRecord, StudyRecord
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


class ProvenanceDocument(TypedDict):
    """An invocation of the program; times are UTC, `database` is empty unless several are read together."""

    command: str
    started: str
    ended: str
    host: str
    device: str
    cpu: str
    cores: int
    threads: int
    versions: Mapping[str, str]
    commit: str
    database: str


class DamagedDocument(TypedDict):
    """The rows of the database that are damaged, and were left out of the rest of the document."""

    damaged: Sequence[Damage]


class AnnotationDocument(TypedDict):
    """The user's note and tags."""

    note: str
    tags: Sequence[str]


class RunDocument(OutcomeDocument):
    """A run; `milestones` has the scores by milestone and name, `metrics` the first and the last value by name.

    `command` is the index of its invocation of the program among the `commands` of the run set.
    """

    command: int
    steps_per_second: float | None
    milestones: Mapping[str, Mapping[str, float]]
    metrics: Mapping[str, Mapping[str, float]]


class RunSettingsDocument(TaskDocument, OptimizerDocument, HyperparametersDocument, ComputeDocument):
    """The settings that the runs of a run set share."""

    run_set: int


class RunSetDocument(RunSettingsDocument, AnnotationDocument):
    """A run set; `summary` has the mean losses by milestone, and the mean speed.

    `task_version` is that of the task's code and data, and `search_space` that of an adapted optimizer as JSON; both
    are empty for those of this package. `at_edge` has the ranges of the tuned values at an edge of theirs, by name.
    """

    task_version: str
    search_space: str
    steps: int
    seconds: float | None
    seeds: Sequence[int]
    missing_seeds: Sequence[int]
    created: str
    at_edge: Edges
    timed: bool
    deterministic: bool
    runs: Sequence[RunDocument]
    commands: Sequence[ProvenanceDocument]
    summary: Mapping[str, Any]


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


class StudyDocument(TaskDocument, OptimizerDocument, ComputeDocument, AnnotationDocument):
    """A study with its schedule, generations and individuals; `hyperparameters` are None until it is finished.

    `at_edge` has the ranges of those of them that are at an edge of theirs, by name.
    """

    study: int
    schedule: Mapping[str, Any]
    seed: int
    status: str
    hyperparameters: Mapping[str, float] | None
    at_edge: Edges
    created: str
    task_version: str
    search_space: str
    generations: Sequence[Mapping[str, Any]]
    individuals: Sequence[IndividualDocument]
    commands: Sequence[ProvenanceDocument]


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


def provenance_document(provenance: Provenance) -> ProvenanceDocument:
    """Return an invocation of the program as a document."""
    machine = provenance.machine
    return {
        "command": provenance.command,
        "started": provenance.started,
        "ended": provenance.ended,
        "host": provenance.host,
        "device": machine.device,
        "cpu": machine.cpu,
        "cores": machine.cores,
        "threads": machine.threads,
        "versions": provenance.versions,
        "commit": provenance.commit,
        "database": provenance.database,
    }


def damaged_document(damaged: Iterable[Damage]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that were left out; of what has been read so far, so this is called last."""
    return {"damaged": [asdict(damage) for damage in damaged]}


def annotation_document(annotation: Annotation) -> AnnotationDocument:
    """Return a note and tags as a document."""
    return {"note": annotation.note, "tags": list(annotation.tags)}


def run_document(run: RunRecord, metrics: Metrics, command: int) -> RunDocument:
    """Return a run as a document."""
    return {
        **outcome_document(run),
        "command": command,
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
    spec, commands = record.spec, record.commands
    row = summarize_run_set(record) if record.runs else None
    return {
        **run_settings_document(record),
        **annotation_document(record.annotation),
        "task_version": spec.task.version,
        "search_space": spec.optimizer.space,
        "steps": spec.steps,
        "seconds": spec.seconds,
        "seeds": list(spec.seeds),
        "missing_seeds": list(record.missing_seeds),
        "created": record.created,
        "at_edge": edges_of_runs(spec.optimizer, spec.hyperparameters),
        "timed": spec.timed,
        "deterministic": spec.deterministic,
        "runs": [
            run_document(run, metrics.get(run.seed, {}), commands.index(provenance))
            for run, provenance in zip(record.runs, record.provenances, strict=True)
        ],
        "commands": [provenance_document(provenance) for provenance in commands],
        "summary": {
            "milestones": {at.key: asdict(losses) for at, losses in row.losses.items()} if row else {},
            "steps_per_second": None if row is None or row.speed is None else asdict(row.speed),
        },
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


def study_document(study: StudyRecord, provenances: Sequence[Provenance] = ()) -> StudyDocument:
    """Return a study with all of its individuals, and the invocations that evaluated them, as a document."""
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
        "created": study.created,
        "task_version": spec.task.version,
        "search_space": spec.optimizer.space,
        **annotation_document(study.annotation),
        "generations": [asdict(generation) for generation in study.generations],
        "individuals": [individual_document(individual) for individual in study.individuals],
        "commands": [provenance_document(provenance) for provenance in provenances],
    }
