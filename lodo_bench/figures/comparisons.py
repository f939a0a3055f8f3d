"""Comparisons of stored runs, with what the registered tasks and optimizers tell about themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from lodo_bench.analysis.baseline import with_baseline
from lodo_bench.analysis.comparison import Comparison, compare
from lodo_bench.analysis.targets import Targets, summarize_targets
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.report.data import ReportData
from lodo_bench.results.store import Store
from lodo_bench.spec.options import Kind
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.selection import ReportRequest
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS

T = TypeVar("T")
EVERYTHING = ReportRequest()


def load_report_data(store: Store, request: ReportRequest = EVERYTHING) -> ReportData:
    """Load and compare the final runs of each task.

    Args:
        store: the results.
        request: the runs, and how to compare them.

    Raises:
        UnknownNameError: if there is no such task.
        UsageError: if the target is not finite.
    """
    task = request.selection.task
    if task is not None:
        TASKS.check(task)
    run_sets = store.run_sets(task)
    comparisons = compare_run_sets(run_sets, store.study_summaries(task))
    if request.baseline is not None and comparisons:
        comparisons = with_baseline(comparisons, request.baseline)
    return ReportData(
        comparisons=[(found, _targets(found, request.target, store)) for found in comparisons],
        run_sets=run_sets,
        load_studies=partial(store.studies, task),
        kinds_of=hyperparameter_kinds,
        curves=store,
    )


def compare_run_sets(run_sets: Iterable[RunSetRecord], studies: Iterable[StudySummary] = ()) -> list[Comparison]:
    """Compare final runs, with the loss bounds of their tasks and the time complexity of their optimizers.

    Args:
        run_sets: oldest first.
        studies: for the cost of tuning.
    """
    return compare(
        run_sets,
        _optimal_loss,
        complexity=_complexity,
        studies=studies,
    )


def _targets(comparison: Comparison, target: float | None, store: Store) -> Targets | None:
    if target is not None:
        return summarize_targets(comparison, target, store.curve)
    level = _solved_below(comparison.task)
    return None if level is None else summarize_targets(comparison, level, store.curve, is_criterion=True)


def _solved_below(task: TaskSpec) -> float | None:
    return _if_known(lambda: TASKS.load(task.name).solved_below(task.options), None)


def _optimal_loss(task: TaskSpec) -> LossBound | None:
    return _if_known(lambda: TASKS.load(task.name).optimal_loss(task.options), None)


def _complexity(optimizer: OptimizerSpec) -> str:
    return _if_known(lambda: load_optimizer(optimizer).complexity, "")


def hyperparameter_kinds(optimizer: OptimizerSpec) -> dict[str, Kind]:
    """Return the kind of each hyperparameter of an optimizer, including those of its recipe.

    Nothing is returned if the code of the optimizer is not on this machine.
    """
    return _if_known(lambda: {option.name: option.kind for option in load_optimizer(optimizer).hyperparameters}, {})


def _if_known(ask: Callable[[], T], otherwise: T) -> T:
    """Return an answer of a class outside the package, or something else if it is not on this machine any more."""
    try:
        return ask()
    except UsageError:
        return otherwise
