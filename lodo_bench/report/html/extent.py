"""The part of a large database that a page draws: what a browser can show, and its reader can tell apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lodo_bench.charts.groups import ResultGroup
from lodo_bench.report.formatting import counted
from lodo_bench.spec.study import StudySummary

MOST_LINES = 20
MOST_RUNS = 1000
MOST_INDIVIDUALS = 20_000


def drawn_groups(groups: Sequence[ResultGroup], tasks: int) -> tuple[list[ResultGroup], str]:
    """Return the groups of a task whose curves are drawn, in their order, and a sentence if these are not all.

    Those with the lowest mean loss are drawn, at most `MOST_LINES`, of at most the task's share of `MOST_RUNS`.

    Args:
        groups: the runs of one task.
        tasks: the number of tasks that share the page (>= 1).
    """
    best = sorted(range(len(groups)), key=lambda index: _loss(groups[index]))[:MOST_LINES]
    left = MOST_RUNS // tasks
    kept: list[int] = []
    for index in best:
        left -= len(groups[index].longest())
        if left < 0 and kept:
            break
        kept.append(index)
    if len(kept) == len(groups):
        return list(groups), ""
    return [groups[index] for index in sorted(kept)], (
        f"The curves of {counted(len(kept), 'row')} of {len(groups):,} are drawn, those with the lowest mean loss. A "
        f"page draws at most {MOST_LINES} rows of a task and {MOST_RUNS:,} runs in all; the tables have all of them."
    )


def drawn_searches(studies: Sequence[StudySummary]) -> set[int]:
    """Return the numbers of the searches that are drawn: the latest, with at most `MOST_INDIVIDUALS` in all."""
    left = MOST_INDIVIDUALS
    found: set[int] = set()
    for study in reversed([study for study in studies if study.searched]):
        left -= study.num_individuals
        if left < 0 and found:
            break
        found.add(study.id)
    return found


def searches_note(studies: Sequence[StudySummary], drawn: set[int]) -> str:
    """Return a sentence about the searches of a task that are not drawn; empty if there are none."""
    missing = [study.id for study in studies if study.searched and study.id not in drawn]
    if not missing:
        return ""
    return (
        f"Not drawn: {counted(len(missing), 'older search', 'older searches')} of this task. A page draws at most "
        f"{MOST_INDIVIDUALS:,} individuals, those of the latest searches. 'lodo-bench list studies' lists all of them, "
        "and 'lodo-bench report --study N -o page.html' draws one."
    )


def _loss(group: ResultGroup) -> float:
    """Return the mean of the losses at the longest milestones of the runs; infinite without any."""
    last = [list(run.milestones.values())[-1] for run in (m.run for m in group.longest()) if run.milestones]
    finite = [loss for loss in last if math.isfinite(loss)]
    return sum(finite) / len(finite) if finite else math.inf
