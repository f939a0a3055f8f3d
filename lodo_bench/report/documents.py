"""The form of a report's JSON document, as `lodo_bench.report.json` writes it; see docs/json.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from lodo_bench.analysis.documents import (
    ComputeDocument,
    DamagedDocument,
    HyperparametersDocument,
    OptimizerDocument,
    TaskDocument,
)
from lodo_bench.analysis.edges import Edges
from lodo_bench.analysis.statistics import Effect, State, Summary
from lodo_bench.analysis.statistics.interval import Interval
from lodo_bench.analysis.statistics.target import TargetSummary
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.training import LossBound


class ResultDocument(TypedDict):
    """A score of a row; its mean and standard deviation are under the name of the score, such as `loss`.

    Its values are in `by_seed`, or for rows of several searches by the seeds of search and run in `by_search`.
    """

    interval: Interval
    median: float | None
    by_seed: Mapping[str, float] | None
    by_search: Mapping[str, Mapping[str, float]] | None
    diverged: int
    state: State | None
    p: float | None
    effect: Effect | None
    published: Mapping[str, float] | None


class MilestoneDocument(ResultDocument):
    """The loss of a row at a milestone, and its other scores there by name."""

    scores: Mapping[str, ResultDocument]


class SearchDocument(TypedDict):
    """One of several searches whose results a row covers."""

    seed: int
    study_id: int | None
    hyperparameters: Mapping[str, float]


class TuningDocument(TypedDict):
    """The cost of a search."""

    study: int
    seed: int
    individuals: int
    steps: int
    seconds: float


class TargetDocument(TypedDict):
    """The loss to be reached; `is_criterion` if it is that at which the task counts as solved."""

    loss: float
    window: int | None
    is_criterion: bool


class ToTargetDocument(TypedDict):
    """Steps and, of timed runs, seconds until the target; `windows` are the numbers of losses that are averaged."""

    windows: Sequence[int]
    steps: TargetSummary
    seconds: TargetSummary | None


class RowDocument(OptimizerDocument, HyperparametersDocument, ComputeDocument):
    """A row of a report."""

    searches: Sequence[SearchDocument]
    deterministic: bool
    at_edge: Edges
    milestones: Mapping[str, MilestoneDocument]
    to_target: ToTargetDocument | None
    told: str | None
    compiled_loop: bool
    steps_per_second: Summary | None
    training_seconds: Summary | None
    training_steps: Summary | None
    evaluations_per_step: float
    time_per_step: str | None
    tunings: Sequence[TuningDocument]
    machines: Sequence[Machine]
    unfinished: int


class ComparisonDocument(TaskDocument):
    """All rows of a task; `baseline` is the label of the row that all others are compared with."""

    bound: LossBound | None
    target: TargetDocument | None
    baseline: str | None
    rows: Sequence[RowDocument]
    provenances: Sequence[Provenance]


class ReportDocument(DamagedDocument):
    """A report: the level of its tests, the confidence of its intervals, and a comparison for each task."""

    level: float
    confidence: float
    comparisons: Sequence[ComparisonDocument]


class ReproductionDocument(ReportDocument):
    """The results of an experiment."""

    experiment: str
    scale: Literal["paper", "laptop", "smoke"]
    files: Sequence[str]
    studies: Sequence[int]
    run_sets: Sequence[int]


# Whose further keys are names of scores, with a value of this type.
SCORES: Mapping[type, Any] = {ResultDocument: Summary, MilestoneDocument: Summary}
