"""Comparisons of stored runs, with what the registered tasks and optimizers tell about themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from lodo_bench.analysis.comparison import Comparison, compare
from lodo_bench.analysis.targets import Targets, summarize_targets
from lodo_bench.errors import UsageError
from lodo_bench.figures.selection import select_stored
from lodo_bench.optimizers import load_optimizer
from lodo_bench.report.data import ReportData
from lodo_bench.results.reader import Results
from lodo_bench.spec.options import Kind
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.selection import ReportRequest
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS

T = TypeVar("T")
EVERYTHING = ReportRequest()


def load_report_data(store: Results, request: ReportRequest = EVERYTHING) -> ReportData:
    """Load and compare the final runs of each task.

    Args:
        store: the results.
        request: the runs, and how to compare them.

    Raises:
        UnknownNameError: if there is no such task, optimizer or other selected thing.
        UsageError: if the target is not finite, or no result has all that is selected.
    """
    selected = select_stored(store, request.selection)
    run_sets = selected.run_sets()
    comparisons = compare_run_sets(run_sets, selected.study_summaries())
    return ReportData(
        comparisons=[(found, _targets(found, request.target, store)) for found in comparisons],
        run_sets=run_sets,
        load_studies=selected.studies,
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
        optimal_loss,
        complexity=_complexity,
        studies=studies,
    )


def _targets(comparison: Comparison, target: float | None, store: Results) -> Targets | None:
    if target is not None:
        return summarize_targets(comparison, target, store.curve)
    level = _solved_below(comparison.task)
    return None if level is None else summarize_targets(comparison, level, store.curve, is_criterion=True)


def _solved_below(task: TaskSpec) -> float | None:
    return _if_known(lambda: TASKS.load(task.name).solved_below(task.options), None)


def optimal_loss(task: TaskSpec) -> LossBound | None:
    """Return the bound of a task's loss; None if it has none, or its code is not on this machine."""
    return _if_known(lambda: TASKS.load(task.name).optimal_loss(task.options), None)


def _complexity(optimizer: OptimizerSpec) -> str:
    return _if_known(lambda: load_optimizer(optimizer).complexity, "")


def hyperparameter_kinds(optimizer: OptimizerSpec) -> dict[str, Kind]:
    """Return the kind of each hyperparameter of an optimizer, including those of its recipe.

    Nothing is returned if the code of the optimizer is not on this machine.
    """
    return _if_known(lambda: {option.name: option.kind for option in load_optimizer(optimizer).hyperparameters}, {})


def why_not_loaded(optimizer: OptimizerSpec) -> str:
    """Return why an optimizer cannot be used on this machine, as a sentence; empty if it can."""
    try:
        load_optimizer(optimizer)
    except UsageError as error:
        return str(error)
    return ""


def _if_known(ask: Callable[[], T], otherwise: T) -> T:
    """Return an answer of a registered class, or something else if there is none.

    Its code may not be on this machine any more, or be of another version than the stored options are for.
    """
    try:
        return ask()
    except Exception:  # whatever code outside the package raises
        return otherwise
