"""Tables in the layout of the paper's: a row for each optimizer, the published numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lodo_bench.analysis.comparison import Comparison, compare
from lodo_bench.experiments.run import ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.report.markdown import render
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.run_set import RunRecord, RunSetRecord
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS


def comparison(done: ExperimentResult) -> list[Section]:
    """A table for each task."""
    return [Section(text=render(found).rstrip("\n")) for found in comparisons(done)]


def comparisons(done: ExperimentResult) -> list[Comparison]:
    """One for each task, of this experiment's runs and no others."""
    milestones = set(_milestones(done))
    run_sets = [_at(record, milestones) for record in done.run_sets]
    return compare(run_sets, _bound, complexity=_complexity, studies=done.studies)


def _milestones(done: ExperimentResult) -> Iterator[Milestone]:
    """The longest step milestone and every time milestone: a timed run goes past others that it is not for."""
    runs = [runs for part in done.experiment.parts for runs in part.runs]
    for part in done.experiment.parts:
        if part.runs:
            yield Milestone("steps", max(own.steps for own in part.runs))
    for own in runs:
        if own.seconds is not None:
            yield Milestone("seconds", own.seconds)


def _at(record: RunSetRecord, milestones: set[Milestone]) -> RunSetRecord:
    return replace(record, runs=tuple(_scored(run, milestones) for run in record.runs))


def _scored(run: RunRecord, milestones: set[Milestone]) -> RunRecord:
    return replace(
        run,
        milestones={key: loss for key, loss in run.milestones.items() if key in milestones},
        scores={key: scores for key, scores in run.scores.items() if key in milestones},
    )


def _bound(task: TaskSpec) -> LossBound | None:
    return TASKS.load(task.name).optimal_loss(task.options)


def _complexity(optimizer: OptimizerSpec) -> str:
    return OPTIMIZERS.load(optimizer.name).complexity


def tasks_of(run_sets: Sequence[RunSetRecord]) -> list[TaskSpec]:
    """The tasks of these runs, each once."""
    found: list[TaskSpec] = []
    for record in run_sets:
        if record.spec.task not in found:
            found.append(record.spec.task)
    return found
