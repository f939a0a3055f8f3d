"""The JSON documents that commands print with `--json`, by the names of their schemas in docs/schemas/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from lodo_bench.analysis.documents import (
    AnnotationDocument,
    ComputeDocument,
    DamagedDocument,
    OptimizerDocument,
    RunSetDocument,
    RunSettingsDocument,
    StudyDocument,
    TaskDocument,
)
from lodo_bench.analysis.edges import Edges
from lodo_bench.analysis.statistics import Summary
from lodo_bench.analysis.statistics.interval import Interval
from lodo_bench.analysis.summary_documents import RunSetSummaryDocument, StudySummaryDocument
from lodo_bench.api.settings import Setting
from lodo_bench.experiments.estimate import WorkItem
from lodo_bench.experiments.loading import ExperimentSummary
from lodo_bench.report.documents import ReportDocument, ReproductionDocument
from lodo_bench.results.managing import Deletion
from lodo_bench.spec.options import Kind, Value


class TunedDocument(StudySummaryDocument):
    """A search, its result, and the numbers of its individuals by status."""

    hyperparameters: Mapping[str, float] | None
    at_edge: Edges
    outcomes: Mapping[str, int]


class TuneDocument(TaskDocument):
    """The searches of a command."""

    seed: int
    seeds: int
    studies: Sequence[TunedDocument]


class TunedRangeDocument(TypedDict):
    """A hyperparameter that a search would tune."""

    name: str
    kind: Kind
    start: float
    range: Sequence[float] | None
    description: str


class PlannedSearchDocument(TaskDocument, OptimizerDocument, ComputeDocument):
    """A search that `tune` would make, resume or take from the database."""

    seed: int
    schedule: Mapping[str, Any]
    dimension: int
    study: int | None
    status: str
    individuals: int
    evaluated: int
    together: int
    state_bytes: int | None
    steps: int
    space: Sequence[TunedRangeDocument]
    seconds: float
    basis: str


class TunePlanDocument(TypedDict):
    """All searches that `tune` would make, and the seconds that they are expected to take."""

    searches: Sequence[PlannedSearchDocument]
    engine: str
    workers: int
    gpus_per_worker: float
    seconds: float


class ActivityDocument(TaskDocument, OptimizerDocument):
    """The progress of a study or run set."""

    kind: str
    number: int
    state: str
    generation: int | None
    generations: int | None
    done: int
    total: int
    diverged: int
    failed: int
    best_loss: float | None
    per_second: float | None
    seconds_left: float | None
    seconds_since_update: float | None


class WatchDocument(DamagedDocument):
    """The progress of all studies and run sets."""

    activities: Sequence[ActivityDocument]


class PairsDocument(TypedDict):
    """The losses of two run sets by seed, and the confidence interval of their typical ratio or difference."""

    milestone: str
    losses: Mapping[str, Sequence[float]]
    interval: Interval


class CompareDocument(DamagedDocument):
    """Two run sets: what differs, and the results of both."""

    run_sets: Sequence[RunSettingsDocument]
    different: Mapping[str, Sequence[Value | None]]
    losses: Mapping[str, Sequence[Summary]]
    steps_per_second: Sequence[Summary | None]
    pairs: PairsDocument | None
    unpaired: str


class StudyAnnotationDocument(AnnotationDocument):
    """The note and the tags of a study."""

    study: int


class RunSetAnnotationDocument(AnnotationDocument):
    """The note and the tags of a run set."""

    run_set: int


class DeleteDocument(TypedDict):
    """The numbers of what has been deleted."""

    deleted: Deletion


class InitDocument(TypedDict):
    """An experiment file; `file` is null if it has only been printed."""

    file: str | None
    text: str


class FindingDocument(TypedDict):
    """The result of a check."""

    topic: str
    text: str
    state: Literal["ok", "warning", "problem"]
    remedy: str


class DoctorDocument(TypedDict):
    """All checks, and the numbers of problems and warnings."""

    problems: int
    warnings: int
    findings: Sequence[FindingDocument]


class SettingsDocument(TypedDict):
    """All settings in effect."""

    settings: Sequence[Setting]


class ServeDocument(TypedDict):
    """The address of the report page."""

    address: str


class RunSetsDocument(TypedDict):
    """The run sets of a command with several optimizers."""

    run_sets: Sequence[RunSetDocument]


class PlanDocument(TypedDict):
    """The work that an experiment would do, and the seconds that it is expected to take."""

    experiment: str
    scale: str
    missing: Sequence[WorkItem]
    seconds: float


class PlotDocument(DamagedDocument):
    """The file of a plot, its subject, the labels of its lines, its caption, and the runs that it leaves out."""

    kind: str
    file: str
    subject: str
    lines: Sequence[str]
    caption: str
    left_out: Sequence[str]


class OptionDocument(TypedDict):
    """An option or a hyperparameter."""

    name: str
    alias: str
    kind: Kind
    default: Value


class ListedTaskDocument(TypedDict):
    """A task that there is."""

    name: str
    description: str
    options: Sequence[OptionDocument]
    step_milestone: int
    dtype: str


class ListedOptimizerDocument(TypedDict):
    """An optimizer that there is."""

    name: str
    description: str
    hyperparameters: Sequence[OptionDocument]
    options: Sequence[OptionDocument]
    complexity: str
    reference: str


class TasksDocument(TypedDict):
    """A list of tasks."""

    tasks: Sequence[ListedTaskDocument]


class OptimizersDocument(TypedDict):
    """A list of optimizers."""

    optimizers: Sequence[ListedOptimizerDocument]


class ExperimentsDocument(TypedDict):
    """A list of experiments."""

    experiments: Sequence[ExperimentSummary]


class StudiesDocument(DamagedDocument):
    """A list of searches."""

    studies: Sequence[StudySummaryDocument]


class RunSetSummariesDocument(DamagedDocument):
    """A list of run sets."""

    run_sets: Sequence[RunSetSummaryDocument]


class ShownStudyDocument(StudyDocument, DamagedDocument):
    """A search with all of its individuals."""


class ShownRunSetDocument(RunSetDocument, DamagedDocument):
    """A run set with all of its runs."""


class SampleDocument(TypedDict):
    """The files with the images of a run."""

    run_set: int
    seed: int
    files: Sequence[str]


class DataFileDocument(TypedDict):
    """A file of a data set."""

    name: str
    path: str
    state: str
    size: int
    checksum: str
    problem: str


class DataSetDocument(TypedDict):
    """A data set, as `data fetch` leaves it."""

    name: str
    title: str
    directory: str
    stand_in: str | None
    ready: bool
    problem: str
    remedy: str
    files: Sequence[DataFileDocument]


class DataStatusDocument(TypedDict):
    """All data sets."""

    directory: str
    data_sets: Sequence[DataSetDocument]


DOCUMENTS: Mapping[str, Any] = {
    "tune": TuneDocument,
    "tune-dry-run": TunePlanDocument,
    "run": RunSetDocument | RunSetsDocument,
    "reproduce": ReproductionDocument,
    "reproduce-dry-run": PlanDocument,
    "report": ReportDocument,
    "plot": PlotDocument,
    "list-tasks": TasksDocument,
    "list-optimizers": OptimizersDocument,
    "list-experiments": ExperimentsDocument,
    "list-studies": StudiesDocument,
    "list-run-sets": RunSetSummariesDocument,
    "show-study": ShownStudyDocument,
    "show-run-set": ShownRunSetDocument,
    "compare": CompareDocument,
    "note": StudyAnnotationDocument | RunSetAnnotationDocument,
    "tag": StudyAnnotationDocument | RunSetAnnotationDocument,
    "delete": DeleteDocument,
    "init": InitDocument,
    "watch": WatchDocument,
    "serve": ServeDocument,
    "doctor": DoctorDocument,
    "config-show": SettingsDocument,
    "sample": SampleDocument,
    "data-fetch": DataSetDocument,
    "data-status": DataStatusDocument,
}
