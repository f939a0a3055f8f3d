"""Comparisons of the final runs of one task: a row for each optimizer with its hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.edges import edges_of_runs
from lodo_bench.analysis.grouping import RunGroup, common_hyperparameters, gather
from lodo_bench.analysis.labels import LabelParts, labels_of
from lodo_bench.analysis.published import PublishedScore, published_score
from lodo_bench.analysis.replication import replicates_of
from lodo_bench.analysis.statistics import Interval, Sample, Summary, confidence_interval, median, summarize
from lodo_bench.analysis.verdict import Verdict, judge_column
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.facts import Facts
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunSetRecord, latest_facts
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec


class RunKey(NamedTuple):
    """A stored run: the number of its run set, and its seed."""

    run_set: int
    seed: int


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The scores of one row in one column.

    Attributes:
        by_search: the values by the seed of the search that tuned the runs and by their own; not finite for a run that
            diverged. A row without several searches has one entry.
        replicates: the values that are compared: those of the seeds or, of several searches, the mean of the runs of
            each; not finite if half of them diverged.
        summary: mean, spread and counts of the replicates.
        diverged: number of runs that diverged.
        worst: the value in place of one that is not finite: infinity, or minus infinity where larger is better.
        published: the paper's value, where known.
    """

    by_search: Mapping[int, Mapping[int, float]]
    replicates: Mapping[int, float]
    summary: Summary
    diverged: int
    worst: float = math.inf
    published: PublishedScore | None = None

    @property
    def interval(self) -> Interval:
        """The confidence interval of the mean of the finite replicates, which takes a millisecond."""
        return confidence_interval(self.replicates.values())

    @property
    def num_runs(self) -> int:
        """Number of runs, including those that diverged."""
        return sum(map(len, self.by_search.values()))

    @property
    def has_searches(self) -> bool:
        """True if the replicates are searches."""
        return len(self.by_search) > 1

    @property
    def ranked(self) -> list[float]:
        """The replicates, with those that are not finite as the worst value."""
        return [value if math.isfinite(value) else self.worst for value in self.replicates.values()]

    @property
    def center(self) -> float:
        """The value that rows are ranked by: the mean of the finite seeds, or the median over searches."""
        return median(self.ranked) if self.has_searches else self.summary.mean


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One optimizer with one choice of hyperparameters, or with those that several searches found.

    Attributes:
        optimizer, compute: as their names say.
        searches: the hyperparameters by the seed of the search; a single entry where they do not come from several.
        results: by column.
        is_deterministic: True if every seed gives the same run, of which there is one for each search.
        speed: steps per second over the timed seeds; None if none was timed.
        seconds: training seconds of a run over the same seeds.
        machines: the machines that those were timed on.
        unfinished: number of seeds that were interrupted or failed and have no score.
        evaluations: gradient evaluations for each step; NaN if no run has any step.
        facts: what the code of the optimizer and of the task states.
        tunings: the studies that tuned the hyperparameters, those that are among the ones given.
        steps: training steps of the runs that `seconds` is of, or of the longest ones if none was timed; None if no
            run has any.
        curves: the runs with the longest curve of each seed.
        timed_curves: likewise of the timed runs alone.
    """

    optimizer: OptimizerSpec
    searches: Mapping[int, Hyperparameters]
    compute: ComputeSpec
    results: Mapping[ScoreColumn, ScoreResult]
    is_deterministic: bool
    speed: Summary | None
    seconds: Summary | None
    machines: tuple[Machine, ...]
    unfinished: int
    evaluations: float
    facts: Facts = Facts()  # noqa: RUF009 (it is frozen)
    tunings: tuple[StudySummary, ...] = ()
    steps: Summary | None = None
    curves: tuple[RunKey, ...] = ()
    timed_curves: tuple[RunKey, ...] = ()

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The hyperparameters; of several searches the source alone, without values."""
        return common_hyperparameters(self.searches.values(), self.tunings)

    @property
    def is_tuned_once(self) -> bool:
        """True if the hyperparameters are those of a single search."""
        return len(self.searches) == 1 and self.hyperparameters.source == "tuned"

    @property
    def edges(self) -> dict[str, tuple[float, float]]:
        """The ranges of the tuned values that are at an edge of theirs, by name."""
        tunings = {study.id: study for study in self.tunings}
        found: dict[str, tuple[float, float]] = {}
        for values in self.searches.values():
            found |= edges_of_runs(self.optimizer, values, tunings.get(values.study_id or 0))
        return found

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
    """Final runs of one task, compared.

    Attributes:
        task: the task, with its options.
        columns: the compared scores, by milestone, the loss first.
        rows: best first, by the loss at the longest milestone that a row has.
        labels: the optimizers' names, made unique, by row.
        verdicts: the test results by column.
        facts: those of its latest runs, for what they state about the task.
        provenances: of all runs in it.
        baseline: the row that all others are compared with; None if each is compared with all.
        left_out: labels of the rows that are not shown because they have no score.
    """

    task: TaskSpec
    columns: tuple[ScoreColumn, ...]
    rows: tuple[ComparisonRow, ...]
    labels: tuple[str, ...]
    verdicts: Mapping[ScoreColumn, Verdict]
    facts: Facts
    provenances: tuple[Provenance, ...]
    baseline: int | None = None
    left_out: tuple[str, ...] = ()

    @property
    def bound(self) -> LossBound | None:
        """The loss that no optimizer can beat in the long run, where known."""
        return self.facts.bound

    @property
    def milestones(self) -> tuple[Milestone, ...]:
        """The milestones, in the order of the columns."""
        return tuple(dict.fromkeys(column.milestone for column in self.columns))


def compare(
    run_sets: Iterable[RunSetRecord],
    studies: Iterable[StudySummary] = (),
) -> list[Comparison]:
    """Return a comparison for each task with its options, in the order in which they were first run.

    Args:
        run_sets: oldest first; where their facts differ, those of the latest count.
        studies: the searches, for what they cost, and for which of them replicate each other.
    """
    by_task: dict[tuple[object, ...], list[RunSetRecord]] = {}
    for run_set in run_sets:
        if run_set.runs:
            task = run_set.spec.task
            by_task.setdefault((task.name, *sorted(task.options.items())), []).append(run_set)
    searched = {study.id: study for study in studies}
    comparisons = []
    for group in by_task.values():
        task = group[0].spec.task
        rows = [_row(task, found, searched) for found in gather(group, searched)]
        provenances = tuple(p for record in group for p in record.provenances)
        comparisons.append(_comparison(task, rows, latest_facts(group), provenances))
    return comparisons


def with_scores(comparison: Comparison) -> Comparison | None:
    """Return a comparison without the rows that have no score, which it names; None if no row has any."""
    kept = [row for row in comparison.rows if row.results]
    if len(kept) == len(comparison.rows):
        return comparison
    if not kept:
        return None
    left_out = tuple(x for x, row in zip(comparison.labels, comparison.rows, strict=True) if not row.results)
    compared = _comparison(comparison.task, kept, comparison.facts, comparison.provenances)
    return replace(compared, left_out=left_out)


def summarize_run_set(record: RunSetRecord) -> ComparisonRow:
    """Return the row of a single run set, which is compared with no other."""
    return compare([record])[0].rows[0]


def _comparison(
    task: TaskSpec, rows: Sequence[ComparisonRow], facts: Facts, provenances: tuple[Provenance, ...]
) -> Comparison:
    columns = tuple(sorted(dict.fromkeys(c for row in rows for c in row.results), key=lambda column: column.order))
    milestones = sorted({column.milestone for column in columns})
    ranked = tuple(sorted(rows, key=lambda row: _rank(row, milestones)))
    verdicts = {column: judge_column(column, samples_of(ranked, column)) for column in columns}
    return Comparison(task, columns, ranked, _labels(ranked), verdicts, facts, provenances)


def _labels(rows: Sequence[ComparisonRow]) -> tuple[str, ...]:
    """Return the optimizers' names, with device, dtype and backend where these differ, made unique."""
    differ = len({row.compute for row in rows}) > 1
    names = [f"{r.optimizer.label} ({r.compute.label})" if differ else r.optimizer.label for r in rows]
    pairs = zip(names, rows, strict=True)
    return tuple(labels_of([LabelParts(name, row.hyperparameters, row.compute) for name, row in pairs]))


def samples_of(rows: Sequence[ComparisonRow], column: ScoreColumn) -> dict[int, Sample]:
    """Return, by row, the values in a column that are compared.

    Runs of the same seed, device and dtype have the same random numbers, and with them the same data, so that they can
    be paired.
    """
    return {
        index: Sample(
            values=result.replicates,
            data=(row.compute.device, row.compute.dtype),
            unit="search" if result.has_searches else "seed",
            is_constant=row.is_deterministic and not result.has_searches and column.milestone.unit == "steps",
            blocks={search: frozenset(values) for search, values in result.by_search.items() if result.has_searches},
        )
        for index, row in enumerate(rows)
        if (result := row.results.get(column)) is not None
    }


def _row(
    task: TaskSpec,
    found: Mapping[int, RunGroup],
    studies: Mapping[int, StudySummary],
) -> ComparisonRow:
    groups = list(found.values())
    optimizer, timed = groups[0].optimizer, [run for group in groups for run in group.timed.values()]
    columns = dict.fromkeys(column for group in groups for column in group.values)
    steps = sum(group.steps for group in groups)
    numbers = dict.fromkeys(record.spec.hyperparameters.study_id for group in groups for record in group.run_sets)
    return ComparisonRow(
        optimizer=optimizer,
        searches={seed: group.hyperparameters for seed, group in found.items()},
        compute=groups[0].compute,
        results={column: _result(task, column, optimizer, found) for column in columns},
        is_deterministic=all(group.is_deterministic for group in groups),
        speed=summarize(run.speed for run in timed) if timed else None,
        seconds=summarize(run.seconds for run in timed) if timed else None,
        machines=tuple(dict.fromkeys(run.machine for run in timed)),
        unfinished=sum(len(group.unfinished.difference(*group.values.values())) for group in groups),
        evaluations=sum(group.evaluations for group in groups) / steps if steps else math.nan,
        facts=latest_facts([record for group in groups for record in group.run_sets]),
        tunings=tuple(studies[number] for number in numbers if number is not None and number in studies),
        steps=_steps(groups),
        curves=tuple(RunKey(run_set, seed) for group in groups for seed, (_, run_set) in group.curves.items()),
        timed_curves=tuple(
            RunKey(run_set, seed) for group in groups for seed, (_, run_set) in group.timed_curves.items()
        ),
    )


def _steps(groups: Sequence[RunGroup]) -> Summary | None:
    timed = [float(round(run.speed * run.seconds)) for group in groups for run in group.timed.values()]
    steps = timed or [float(steps) for group in groups for steps, _ in group.curves.values()]
    return summarize(steps) if steps else None


def _result(
    task: TaskSpec, column: ScoreColumn, optimizer: OptimizerSpec, found: Mapping[int, RunGroup]
) -> ScoreResult:
    by_search = {seed: group.values[column] for seed, group in found.items() if column in group.values}
    replicates = replicates_of(by_search)
    return ScoreResult(
        by_search=by_search,
        replicates=replicates,
        summary=summarize(replicates.values()),
        diverged=sum(not math.isfinite(value) for values in by_search.values() for value in values.values()),
        worst=-math.inf if column.higher_is_better else math.inf,
        published=published_score(task, column.milestone, optimizer, column.score),
    )


def _rank(row: ComparisonRow, milestones: Sequence[Milestone]) -> tuple[float, ...]:
    """Return the sort key: the loss at the longest step milestone first, rows without a finite one last."""
    steps = [milestone for milestone in reversed(milestones) if milestone.unit == "steps"] or milestones[::-1]
    losses = {column.milestone: result.center for column, result in row.results.items() if column.is_loss}
    centers = [losses.get(milestone, math.nan) for milestone in steps]
    return tuple(math.inf if math.isnan(center) else center for center in centers)
