"""Comparisons of stored runs."""

from __future__ import annotations

from collections.abc import Iterable

from lodo_bench.analysis.baseline import with_baseline
from lodo_bench.analysis.comparison import Comparison, compare, with_scores
from lodo_bench.analysis.milestone_scores import complete_scores
from lodo_bench.analysis.targets import Targets, WindowOf, check_window, own_windows, summarize_targets
from lodo_bench.errors import UsageError
from lodo_bench.figures.selection import select_stored
from lodo_bench.report.data import ReportData
from lodo_bench.results.reader import Results
from lodo_bench.runs.facts import kinds_of, with_facts
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.selection import ReportRequest
from lodo_bench.spec.study import StudySummary

EVERYTHING = ReportRequest()


def load_report_data(store: Results, request: ReportRequest = EVERYTHING) -> ReportData:
    """Load and compare the final runs of each task.

    Args:
        store: the results.
        request: the runs, and how to compare them.

    Raises:
        UnknownNameError: if there is no such task, optimizer or other selected thing.
        UsageError: if no result has all that is selected, the target is not finite, the window is not positive or has
            nothing to apply to, or a milestone is invalid or none that any run has passed.
    """
    selected = select_stored(store, request.selection)
    run_sets = with_facts(selected.run_sets())
    scored = complete_scores(run_sets, store.curve, list(map(Milestone.read, request.at)))
    studies = selected.study_summaries()
    comparisons = compare(scored, studies)
    if request.at:
        comparisons = [found for found in map(with_scores, comparisons) if found is not None]
    if request.baseline is not None and comparisons:
        comparisons = with_baseline(comparisons, request.baseline)
    window = _windows(request.window, run_sets)
    targets = [_targets(found, request.target, store, window) for found in comparisons]
    if request.window is not None and comparisons and all(found is None for found in targets):
        raise UsageError(
            "a window is for steps to a target loss, and there is no target. Give one, or omit the window."
        )
    return ReportData(
        comparisons=list(zip(comparisons, targets, strict=True)),
        run_sets=run_sets,
        studies=studies,
        load_study=store.study,
        kinds_of=kinds_of,
        curves=store,
        damaged=lambda: store.damaged,
    )


def compare_run_sets(run_sets: Iterable[RunSetRecord], studies: Iterable[StudySummary] = ()) -> list[Comparison]:
    """Compare final runs, also those that a former version stored without facts about their code.

    Args:
        run_sets: oldest first.
        studies: for the cost of tuning.
    """
    return compare(with_facts(run_sets), studies)


def _windows(width: int | None, run_sets: Iterable[RunSetRecord]) -> WindowOf:
    """Return the window of each run set: `width` if it is given, else its own."""
    if width is None:
        return own_windows(run_sets)
    check_window(width)
    return lambda _: width


def _targets(comparison: Comparison, target: float | None, store: Results, window: WindowOf) -> Targets | None:
    if target is not None:
        return summarize_targets(comparison, target, store.curve, window)
    level = comparison.facts.solved_below
    return None if level is None else summarize_targets(comparison, level, store.curve, window, is_criterion=True)
