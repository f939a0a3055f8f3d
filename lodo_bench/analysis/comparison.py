"""Comparisons of the final runs of one task: a row for each optimizer with its hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.edges import edges_of_runs
from lodo_bench.analysis.facts import OptimizerFacts
from lodo_bench.analysis.grouping import RunGroup, gather
from lodo_bench.analysis.labels import LabelParts, labels_of
from lodo_bench.analysis.published import PublishedScore, published_score
from lodo_bench.analysis.statistics import Interval, Summary, confidence_interval, summarize
from lodo_bench.analysis.verdict import Verdict, mark_best
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunSetRecord
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec

FactsOf = Callable[[TaskSpec, OptimizerSpec, ComputeSpec], OptimizerFacts]


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The scores of one row in one column.

    Attributes:
        by_seed: the values; not finite for a run that diverged.
        summary: mean, spread and counts of them.
        interval: the confidence interval of the mean of those that are finite.
        published: the paper's value, where known.
    """

    by_seed: Mapping[int, float]
    summary: Summary
    interval: Interval
    published: PublishedScore | None = None


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One optimizer with one choice of hyperparameters.

    Attributes:
        optimizer, hyperparameters, compute: as their names say.
        results: by column.
        speed: steps per second over the timed seeds; None if none was timed.
        seconds: training seconds of a run over the same seeds.
        machines: the machines that those were timed on.
        unfinished: number of seeds that were interrupted or failed and have no score.
        evaluations: gradient evaluations for each step; NaN if no run has any step.
        facts: facts that the optimizer's code tells.
        tunings: the studies that tuned the hyperparameters, those that are among the ones given.
        steps: training steps of the runs that `seconds` is of, or of the longest ones if none was timed; None if no
            run has any.
        curves: by seed, the run set that has its longest curve.
        timed_curves: likewise of the timed runs alone.
    """

    optimizer: OptimizerSpec
    hyperparameters: Hyperparameters
    compute: ComputeSpec
    results: Mapping[ScoreColumn, ScoreResult]
    speed: Summary | None
    seconds: Summary | None
    machines: tuple[Machine, ...]
    unfinished: int
    evaluations: float
    facts: OptimizerFacts = OptimizerFacts()  # noqa: RUF009 (it is frozen)
    tunings: tuple[StudySummary, ...] = ()
    steps: Summary | None = None
    curves: Mapping[int, int] = field(default_factory=dict)
    timed_curves: Mapping[int, int] = field(default_factory=dict)

    @property
    def edges(self) -> dict[str, tuple[float, float]]:
        """The ranges of the tuned values that are at an edge of theirs, by name."""
        tuning = next((study for study in self.tunings if study.id == self.hyperparameters.study_id), None)
        return edges_of_runs(self.optimizer, self.hyperparameters, tuning)

    @property
    def losses(self) -> dict[Milestone, Summary]:
        """The training losses over the seeds, by milestone."""
        return {column.milestone: result.summary for column, result in self.results.items() if column.is_loss}

    @property
    def published(self) -> dict[Milestone, PublishedScore]:
        """The paper's training losses, by milestone, where known."""
        found = {column.milestone: result.published for column, result in self.results.items() if column.is_loss}
        return {milestone: score for milestone, score in found.items() if score is not None}


@dataclass(frozen=True, slots=True)
class Comparison:
    """All final runs of one task, compared.

    Attributes:
        task: the task, with its options.
        columns: the compared scores, by milestone, the loss first.
        rows: best first, by the loss at the longest milestone that a row has.
        verdicts: the test results by column.
        bound: the loss that no optimizer can beat in the long run, where known.
        provenances: of all runs in it.
    """

    task: TaskSpec
    columns: tuple[ScoreColumn, ...]
    rows: tuple[ComparisonRow, ...]
    verdicts: Mapping[ScoreColumn, Verdict]
    bound: LossBound | None
    provenances: tuple[Provenance, ...]

    @property
    def milestones(self) -> tuple[Milestone, ...]:
        """The milestones, in the order of the columns."""
        return tuple(dict.fromkeys(column.milestone for column in self.columns))

    @property
    def labels(self) -> tuple[str, ...]:
        """The optimizers' names, with device, dtype and backend where these differ, made unique."""
        differ = len({row.compute for row in self.rows}) > 1
        names = [f"{r.optimizer.label} ({r.compute.label})" if differ else r.optimizer.label for r in self.rows]
        pairs = zip(names, self.rows, strict=True)
        return tuple(labels_of([LabelParts(name, row.hyperparameters, row.compute) for name, row in pairs]))


def compare(
    run_sets: Iterable[RunSetRecord],
    bound: Callable[[TaskSpec], LossBound | None],
    *,
    facts: FactsOf | None = None,
    studies: Iterable[StudySummary] = (),
) -> list[Comparison]:
    """Return a comparison for each task with its options, in the order in which they were first run.

    Args:
        run_sets: oldest first.
        bound: returns the bound of a task; None if it has none.
        facts: returns the facts about an optimizer on a task, with its device, dtype and backend; none by default.
        studies: for the cost of tuning.
    """
    by_task: dict[tuple[object, ...], list[RunSetRecord]] = {}
    for run_set in run_sets:
        if run_set.runs:
            task = run_set.spec.task
            by_task.setdefault((task.name, *sorted(task.options.items())), []).append(run_set)
    searched = list(studies)
    comparisons = []
    for group in by_task.values():
        task = group[0].spec.task
        by_id = {record.id: record.spec.hyperparameters.study_id for record in group}
        rows = [_row(task, found, facts, _tunings(found, by_id, searched)) for found in gather(group)]
        comparisons.append(_comparison(task, rows, bound(task), [p for record in group for p in record.provenances]))
    return comparisons


def summarize_run_set(record: RunSetRecord) -> ComparisonRow:
    """Return the row of a single run set, which is compared with no other."""
    return compare([record], bound=lambda _: None)[0].rows[0]


def _comparison(
    task: TaskSpec, rows: Sequence[ComparisonRow], bound: LossBound | None, provenances: Sequence[Provenance]
) -> Comparison:
    columns = tuple(sorted(dict.fromkeys(c for row in rows for c in row.results), key=lambda column: column.order))
    milestones = sorted({column.milestone for column in columns})
    ranked = tuple(sorted(rows, key=lambda row: _rank(row, milestones)))
    verdicts = {
        column: mark_best(column, {i: (r.results[column].by_seed, r.compute) for i, r in _having(ranked, column)})
        for column in columns
    }
    return Comparison(task, columns, ranked, verdicts, bound, tuple(provenances))


def _having(rows: Sequence[ComparisonRow], column: ScoreColumn) -> list[tuple[int, ComparisonRow]]:
    return [(index, row) for index, row in enumerate(rows) if column in row.results]


def _row(
    task: TaskSpec,
    found: RunGroup,
    facts: FactsOf | None,
    tunings: tuple[StudySummary, ...],
) -> ComparisonRow:
    return ComparisonRow(
        optimizer=found.optimizer,
        hyperparameters=found.hyperparameters,
        compute=found.compute,
        results={column: _result(task, column, found) for column in found.values},
        speed=summarize(run.speed for run in found.timed.values()) if found.timed else None,
        seconds=summarize(run.seconds for run in found.timed.values()) if found.timed else None,
        machines=tuple(dict.fromkeys(run.machine for run in found.timed.values())),
        unfinished=len(found.unfinished.difference(*found.values.values())),
        evaluations=found.evaluations / found.steps if found.steps else math.nan,
        facts=facts(task, found.optimizer, found.compute) if facts else OptimizerFacts(),
        tunings=tunings,
        steps=_steps(found),
        curves={seed: run_set for seed, (_, run_set) in found.curves.items()},
        timed_curves={seed: run_set for seed, (_, run_set) in found.timed_curves.items()},
    )


def _tunings(
    found: RunGroup, by_run_set: Mapping[int, int | None], studies: Sequence[StudySummary]
) -> tuple[StudySummary, ...]:
    """Return the studies that tuned the hyperparameters of the runs in a row."""
    ids = {found.hyperparameters.study_id, *(by_run_set[run_set] for _, run_set in found.curves.values())}
    return tuple(study for study in studies if study.id in ids)


def _steps(found: RunGroup) -> Summary | None:
    timed = [float(round(run.speed * run.seconds)) for run in found.timed.values()]
    steps = timed or [float(steps) for steps, _ in found.curves.values()]
    return summarize(steps) if steps else None


def _result(task: TaskSpec, column: ScoreColumn, found: RunGroup) -> ScoreResult:
    by_seed = found.values[column]
    published = published_score(task, column.milestone, found.optimizer, column.score)
    return ScoreResult(by_seed, summarize(by_seed.values()), confidence_interval(by_seed.values()), published)


def _rank(row: ComparisonRow, milestones: Sequence[Milestone]) -> tuple[float, ...]:
    """Return the sort key: the loss at the longest step milestone first, rows without a finite one last."""
    steps = [milestone for milestone in reversed(milestones) if milestone.unit == "steps"] or milestones[::-1]
    losses = row.losses
    means = [losses[milestone].mean if milestone in losses else math.nan for milestone in steps]
    return tuple(math.inf if math.isnan(mean) else mean for mean in means)
