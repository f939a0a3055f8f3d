"""Figures of stored results, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lodo_bench.charts.groups import ResultGroup, result_groups
from lodo_bench.charts.sweeps import without_option
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.figures import kinds, sweeps
from lodo_bench.figures.comparisons import compare_run_sets
from lodo_bench.figures.kinds import ResultFigure
from lodo_bench.figures.selection import select_stored, select_task
from lodo_bench.figures.sweep_axis import SweepAxis
from lodo_bench.results.reader import Results
from lodo_bench.runs.facts import with_facts
from lodo_bench.spec.options import Value
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.selection import Selection
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import TaskSpec


@dataclass(frozen=True, slots=True)
class PlotRequest:
    """A figure to draw.

    Attributes:
        kind: one of `PLOT_KINDS`.
        selection: the results; its task may be omitted if they are of one task only.
        task_options: options of the task.
        over: the swept option or hyperparameter, for `sweep`.
    """

    kind: str
    selection: Selection = Selection()  # noqa: RUF009 (it is frozen)
    task_options: Mapping[str, Value] = field(default_factory=dict)
    over: str | None = None


def plot(store: Results, request: PlotRequest) -> ResultFigure:
    """Draw a figure of stored results.

    Raises:
        UsageError: if there are no results for it, or the request is ambiguous.
    """
    return PLOT_KINDS[request.kind](store, request)


def _of_groups(
    draw: Callable[[TaskSpec, Sequence[ResultGroup], Results], ResultFigure],
) -> Callable[[Results, PlotRequest], ResultFigure]:
    """Return a function that draws the final runs on one task."""

    def figure(store: Results, request: PlotRequest) -> ResultFigure:
        task, run_sets = _run_sets_on_one_task(store, request)
        return draw(task, result_groups(run_sets, store.study_summaries()), store)

    return figure


def _search(store: Results, request: PlotRequest) -> ResultFigure:
    def searches(results: Results) -> list[StudySummary]:
        return [study for study in results.study_summaries() if study.searched]

    stored = searches(store)
    if not stored:
        raise UsageError("there are no hyperparameter searches yet.", remedy=Remedy.MAKE_STUDIES)
    selected = searches(select_stored(store, request.selection))
    task = _task_of([study.spec.task for study in selected], [study.spec.task for study in stored], request)
    latest = {study.spec.optimizer.label: study.id for study in selected if study.spec.task.key == task.key}
    loaded = map(store.study, latest.values())
    return kinds.searches(task, [study for study in loaded if study.generations])  # without any, all are damaged


def _sweep(store: Results, request: PlotRequest) -> ResultFigure:
    if request.over is None:
        raise UsageError("a sweep needs the name of an option or hyperparameter.", remedy=Remedy.NAME_SWEEP)
    return sweeps.sweep(*_swept(store, request, request.over))


def _noise(store: Results, request: PlotRequest) -> ResultFigure:
    return sweeps.noise(*_swept(store, request, "noise_variance"))


def _swept(store: Results, request: PlotRequest, over: str) -> tuple[TaskSpec, list[RunSetRecord], SweepAxis]:
    stored = _run_sets(store)
    run_sets = [run_set for run_set in select_stored(store, request.selection).run_sets() if run_set.runs]
    axis = SweepAxis(over, run_sets or stored)
    tasks = [without_option(run_set.spec.task, axis.name) for run_set in run_sets]
    task = _task_of(tasks, [without_option(run_set.spec.task, axis.name) for run_set in stored], request)
    return task, [run_set for run_set, own in zip(run_sets, tasks, strict=True) if own.key == task.key], axis


def _profile(store: Results, request: PlotRequest) -> ResultFigure:
    if request.task_options:
        raise UsageError("a performance profile covers all options of a task: give no task options.")
    _run_sets(store)
    run_sets = [run_set for run_set in select_stored(store, request.selection).run_sets() if run_set.runs]
    if not run_sets:
        what = request.selection.task or "this selection"
        raise UsageError(f"there are no final runs of {what} yet.", remedy=Remedy.MAKE_RUNS)
    return kinds.profiles(compare_run_sets(run_sets))


PLOT_KINDS: Mapping[str, Callable[[Results, PlotRequest], ResultFigure]] = {
    "curves": _of_groups(kinds.learning_curves),
    "hessian-error": _of_groups(kinds.hessian_errors),
    "trajectories": _of_groups(kinds.trajectories),
    "search": _search,
    "sweep": _sweep,
    "noise": _noise,
    "profile": _profile,
}


def _run_sets(store: Results) -> list[RunSetRecord]:
    run_sets = [run_set for run_set in store.run_sets() if run_set.runs]
    if not run_sets:
        raise UsageError("there are no final runs yet.", remedy=Remedy.MAKE_RUNS)
    return run_sets


def _run_sets_on_one_task(store: Results, request: PlotRequest) -> tuple[TaskSpec, list[RunSetRecord]]:
    stored = [run_set.spec.task for run_set in _run_sets(store)]
    selected = [run_set for run_set in select_stored(store, request.selection).run_sets() if run_set.runs]
    task = _task_of([run_set.spec.task for run_set in selected], stored, request)
    return task, with_facts(run_set for run_set in selected if run_set.spec.task.key == task.key)


def _task_of(selected: Sequence[TaskSpec], stored: Sequence[TaskSpec], request: PlotRequest) -> TaskSpec:
    """Return the one task of the selected results; errors name the stored tasks if it is none of them."""
    name = request.selection.task
    task = None if not selected and name is None else select_task(selected or stored, name, request.task_options)
    if task is None or not selected:
        raise UsageError("the selected results have nothing for this kind of plot. Select others.")
    return task
