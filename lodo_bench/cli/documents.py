"""The JSON documents that commands print with `--json`, by the names of their schemas in docs/schemas/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from lodo_bench.analysis.documents import (
    RunSetDocument,
    RunSetSummaryDocument,
    StudyDocument,
    StudySummaryDocument,
    TaskDocument,
)
from lodo_bench.analysis.edges import Edges
from lodo_bench.experiments.estimate import WorkItem
from lodo_bench.experiments.loading import ExperimentSummary
from lodo_bench.report.documents import ReportDocument, ReproductionDocument
from lodo_bench.spec.options import Kind, Value


class TunedDocument(StudySummaryDocument):
    """A search, its result, and the numbers of its individuals by status."""

    hyperparameters: Mapping[str, float] | None
    at_edge: Edges
    outcomes: Mapping[str, int]


class TuneDocument(TaskDocument):
    """The searches of a command."""

    seed: int
    studies: Sequence[TunedDocument]


class RunSetsDocument(TypedDict):
    """The run sets of a command with several optimizers."""

    run_sets: Sequence[RunSetDocument]


class PlanDocument(TypedDict):
    """What an experiment would compute, and the seconds that it is expected to take."""

    experiment: str
    scale: str
    missing: Sequence[WorkItem]
    seconds: float


class PlotDocument(TypedDict):
    """The file of a plot, what it shows, and the labels of its lines."""

    kind: str
    file: str
    subject: str
    lines: Sequence[str]


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


class StudiesDocument(TypedDict):
    """A list of searches."""

    studies: Sequence[StudySummaryDocument]


class RunSetSummariesDocument(TypedDict):
    """A list of run sets."""

    run_sets: Sequence[RunSetSummaryDocument]


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
    "show-study": StudyDocument,
    "show-run-set": RunSetDocument,
    "sample": SampleDocument,
    "data-fetch": DataSetDocument,
    "data-status": DataStatusDocument,
}
