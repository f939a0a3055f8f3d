"""Scores at milestones that runs have passed without being scored there, from their stored curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from lodo_bench.analysis.grouping import row_key
from lodo_bench.errors import UsageError
from lodo_bench.spec.facts import UNKNOWN
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.milestone_loss import run_loss
from lodo_bench.spec.outcome import Curve, Status
from lodo_bench.spec.run_set import RunRecord, RunSetRecord

CurveOf = Callable[[int, int], Curve | None]
"""The curve of a run, by run set and seed; None if it is damaged."""


def complete_scores(
    run_sets: Sequence[RunSetRecord],
    curve: CurveOf,
    at: Sequence[Milestone] = (),
) -> list[RunSetRecord]:
    """Return the run sets with the losses of all their runs at the milestones of their task.

    A stored score is kept, for a whole row and seed: nothing is computed where any run of them has one. Otherwise the
    latest run that passed the milestone is scored from its curve, by the rule for stored scores. A run that diverged
    counts as diverged at every later milestone. Curves are read one at a time, and only where a score is missing.

    Args:
        run_sets: oldest first. The runs of optimizers whose steps depend on how many are planned are not scored early:
            in a run that was planned to end there, they would be others.
        curve: returns the curve of a run.
        at: the milestones, in place of all that are stored for a task; scores at others are left out.

    Raises:
        UsageError: if no run has a score at one of the milestones that are asked for.
    """
    by_task: dict[tuple[object, ...], list[int]] = {}
    for index, run_set in enumerate(run_sets):
        by_task.setdefault((run_set.spec.task.name, *sorted(run_set.spec.task.options.items())), []).append(index)
    completed = list(run_sets)
    for indices in by_task.values():
        done = _complete([run_sets[index] for index in indices], curve, at)
        for index, run_set in zip(indices, done, strict=True):
            completed[index] = run_set
    _check_passed(completed, at)
    return completed


def _complete(
    run_sets: Sequence[RunSetRecord],
    curve: CurveOf,
    at: Sequence[Milestone],
) -> list[RunSetRecord]:
    """Complete the run sets of one task."""
    wanted = sorted(set(at) or {m for run_set in run_sets for run in run_set.runs for m in run.milestones})
    if all(list(run.milestones) == wanted for run_set in run_sets for run in run_set.runs):
        return list(run_sets)  # nothing is missing
    numbers: dict[tuple[object, ...], int] = {}
    rows = [numbers.setdefault(row_key(run_set.spec), len(numbers)) for run_set in run_sets]
    scored = {
        (row, run.seed, milestone)
        for row, run_set in zip(rows, run_sets, strict=True)
        for run in run_set.runs
        if _counts(run)
        for milestone in run.milestones
    }
    completed = []
    for row, run_set in zip(reversed(rows), reversed(run_sets), strict=True):
        may_be_early = not (run_set.facts or UNKNOWN).is_scheduled
        runs = []
        for run in run_set.runs:
            missing = [m for m in wanted if (row, run.seed, m) not in scored] if _counts(run) else []
            found = _losses(run, missing, partial(curve, run_set.id, run.seed), may_be_early) if missing else {}
            scored |= {(row, run.seed, milestone) for milestone in found}
            runs.append(run if list(run.milestones) == wanted else _with_losses(run, found, wanted))
        completed.append(replace(run_set, runs=tuple(runs)))
    return completed[::-1]


def _counts(run: RunRecord) -> bool:
    return run.status in (Status.COMPLETED, Status.DIVERGED)


def _losses(
    run: RunRecord, missing: Sequence[Milestone], curve: Callable[[], Curve | None], may_be_early: bool
) -> dict[Milestone, float]:
    """Return the losses at those of the missing milestones that the run has passed, or diverged before."""
    known = [m for m in missing if m.unit == "steps" or run.training_seconds is not None]
    passed = [m for m in known if may_be_early and m.value <= _duration(run, m)]
    found: dict[Milestone, float | None] = {}
    if passed and (whole := curve()) is not None:
        found = {milestone: run_loss(whole, run.status, milestone) for milestone in passed}
    if run.status is Status.DIVERGED:
        found |= {milestone: math.nan for milestone in known if milestone.value > _duration(run, milestone)}
    return {milestone: loss for milestone, loss in found.items() if loss is not None}


def _duration(run: RunRecord, milestone: Milestone) -> float:
    """Return the length of a run in the unit of a milestone."""
    return run.steps if milestone.unit == "steps" else run.training_seconds or 0.0


def _with_losses(run: RunRecord, found: Mapping[Milestone, float], wanted: Sequence[Milestone]) -> RunRecord:
    losses = {**run.milestones, **found}
    return replace(
        run,
        milestones={milestone: losses[milestone] for milestone in wanted if milestone in losses},
        scores={milestone: scores for milestone, scores in run.scores.items() if milestone in wanted},
    )


def _check_passed(run_sets: Iterable[RunSetRecord], at: Iterable[Milestone]) -> None:
    """Check that some completed run passed each of the milestones that are asked for, unless there are no runs."""
    runs = [run for run_set in run_sets for run in run_set.runs if _counts(run)]
    for milestone in at if runs else ():
        if not any(milestone in run.milestones and milestone.value <= _duration(run, milestone) for run in runs):
            longest = Milestone(milestone.unit, max(_duration(run, milestone) for run in runs))
            reason = f"the longest took {longest.title}"
            if longest >= milestone:
                too_early = " or had taken no step yet" if milestone.unit == "seconds" else ""
                reason = f"those that passed it had a learning rate scheduled for another end{too_early}"
            raise UsageError(f"no run can be scored at {milestone.title}: {reason}. Choose another milestone.")
