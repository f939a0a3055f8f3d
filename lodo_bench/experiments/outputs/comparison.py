"""Tables in the layout of the paper's: a row for each optimizer, published values next to our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.experiments.result import ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.figures.comparisons import compare_run_sets
from lodo_bench.report.markdown import render
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.run_set import RunRecord, RunSetRecord
from lodo_bench.spec.training import TaskSpec


def comparison(result: ExperimentResult) -> list[Section]:
    """Render a table for each task."""
    return [Section(text=render(found).rstrip("\n")) for found in comparisons(result)]


def comparisons(result: ExperimentResult) -> list[Comparison]:
    """Return a comparison for each task, of the runs of this experiment and no others."""
    milestones = set(_milestones(result))
    run_sets = [_restricted(record, milestones) for record in result.run_sets]
    return compare_run_sets(run_sets, [study.summary for study in result.studies])


def _milestones(result: ExperimentResult) -> Iterator[Milestone]:
    """Yield each part's longest step milestone and every time milestone.

    A timed run has a step milestone of its own, which is not meant for the table.
    """
    for part in result.experiment.parts:
        if part.runs:
            yield Milestone("steps", max(runs.steps for runs in part.runs))
        yield from (Milestone("seconds", runs.seconds) for runs in part.runs if runs.seconds is not None)


def _restricted(record: RunSetRecord, milestones: set[Milestone]) -> RunSetRecord:
    return replace(record, runs=tuple(_restricted_run(run, milestones) for run in record.runs))


def _restricted_run(run: RunRecord, milestones: set[Milestone]) -> RunRecord:
    return replace(
        run,
        milestones={key: loss for key, loss in run.milestones.items() if key in milestones},
        scores={key: scores for key, scores in run.scores.items() if key in milestones},
    )


def tasks_of(run_sets: Sequence[RunSetRecord]) -> list[TaskSpec]:
    """Return the tasks of these runs, each once."""
    found: list[TaskSpec] = []
    for record in run_sets:
        if record.spec.task not in found:
            found.append(record.spec.task)
    return found
