"""Comparisons of stored runs, with what the registered tasks and optimizers tell about themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ParamSpec, TypeVar

from lodo_bench.analysis.baseline import with_baseline
from lodo_bench.analysis.comparison import Comparison, compare, with_scores
from lodo_bench.analysis.facts import OptimizerFacts
from lodo_bench.analysis.milestone_scores import complete_scores
from lodo_bench.analysis.targets import Targets, WindowOf, check_window, own_windows, summarize_targets
from lodo_bench.backends.compiled_loop import has_compiled_loop
from lodo_bench.errors import UsageError
from lodo_bench.figures.selection import select_stored
from lodo_bench.optimizers import load_optimizer
from lodo_bench.optimizers.recipe.options import has_schedule
from lodo_bench.report.data import ReportData
from lodo_bench.results.reader import Results
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.options import Kind
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.selection import ReportRequest
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS

P = ParamSpec("P")
T = TypeVar("T")
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
    run_sets = selected.run_sets()
    scored = complete_scores(
        run_sets, store.curve, list(map(Milestone.read, request.at)), is_scheduled=_asked_once(_is_scheduled)
    )
    studies = selected.study_summaries()
    comparisons = compare_run_sets(scored, studies)
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
        kinds_of=hyperparameter_kinds,
        curves=store,
        damaged=lambda: store.damaged,
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
        facts=_asked_once(_facts),
        studies=studies,
    )


def _windows(width: int | None, run_sets: Iterable[RunSetRecord]) -> WindowOf:
    """Return the window of each run set: `width` if it is given, else its own."""
    if width is None:
        return own_windows(run_sets)
    check_window(width)
    return lambda _: width


def _targets(comparison: Comparison, target: float | None, store: Results, window: WindowOf) -> Targets | None:
    if target is not None:
        return summarize_targets(comparison, target, store.curve, window)
    level = _solved_below(comparison.task)
    return None if level is None else summarize_targets(comparison, level, store.curve, window, is_criterion=True)


def _solved_below(task: TaskSpec) -> float | None:
    return _if_known(lambda: TASKS.load(task.name).solved_below(task.options), None)


def optimal_loss(task: TaskSpec) -> LossBound | None:
    """Return the bound of a task's loss; None if it has none, or its code is not on this machine."""
    return _if_known(lambda: TASKS.load(task.name).optimal_loss(task.options), None)


def _facts(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec) -> OptimizerFacts:
    def known() -> OptimizerFacts:
        kind = load_optimizer(optimizer)
        told = "Hessian" if "hessian" in kind.needs else ""
        return OptimizerFacts(kind.complexity, is_scheduled=kind.is_scheduled, told=told)

    def is_compiled() -> bool:
        classes = TASKS.load(task.name), load_optimizer(optimizer)
        return has_compiled_loop(*classes, compute.backend, optimizer.options)

    return replace(_if_known(known, OptimizerFacts()), is_compiled=_if_known(is_compiled, False))


def _is_scheduled(optimizer: OptimizerSpec) -> bool:
    return _if_known(lambda: load_optimizer(optimizer).is_scheduled, has_schedule(optimizer.recipe))


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


def _asked_once(ask: Callable[P, T]) -> Callable[P, T]:
    """Return a function that keeps its answers, as many rows of a report are of the same optimizer on one task."""
    answers: dict[str, T] = {}

    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        asked = repr((args, kwargs))  # specifications hold mappings, which are no keys
        if asked not in answers:
            answers[asked] = ask(*args, **kwargs)
        return answers[asked]

    return answer


def _if_known(ask: Callable[[], T], otherwise: T) -> T:
    """Return an answer of a registered class, or something else if there is none.

    Its code may not be on this machine any more, or be of another version than the stored options are for.
    """
    try:
        return ask()
    except Exception:  # whatever code outside the package raises
        return otherwise
