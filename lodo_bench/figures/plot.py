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
from lodo_bench.figures.selection import select_optimizers, select_task
from lodo_bench.figures.sweep_axis import SweepAxis
from lodo_bench.results.store import Store
from lodo_bench.spec.options import Value
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS


@dataclass(frozen=True, slots=True)
class PlotRequest:
    """A figure to draw.

    Attributes:
        kind: one of `PLOT_KINDS`.
        task, task_options: the task; may be omitted if the results are of one task only.
        optimizers: names; by default all.
        over: the swept option or hyperparameter, for `sweep`.
    """

    kind: str
    task: str | None = None
    task_options: Mapping[str, Value] = field(default_factory=dict)
    optimizers: Sequence[str] = ()
    over: str | None = None


def plot(store: Store, request: PlotRequest) -> ResultFigure:
    """Draw a figure of stored results.

    Raises:
        UsageError: if there are no results for it, or the request is ambiguous.
    """
    return PLOT_KINDS[request.kind](store, request)


def _of_groups(
    draw: Callable[[TaskSpec, Sequence[ResultGroup], Store], ResultFigure],
) -> Callable[[Store, PlotRequest], ResultFigure]:
    """Return a function that draws the final runs on one task."""

    def figure(store: Store, request: PlotRequest) -> ResultFigure:
        run_sets = _run_sets(store)
        task = select_task([run_set.spec.task for run_set in run_sets], request.task, request.task_options)
        selected = _of_optimizers([run_set for run_set in run_sets if run_set.spec.task == task], request)
        return draw(task, result_groups(selected), store)

    return figure


def _search(store: Store, request: PlotRequest) -> ResultFigure:
    studies = [study for study in store.studies() if study.generations and study.generations[0].mean]
    if not studies:
        raise UsageError("there are no hyperparameter searches yet.", remedy=Remedy.MAKE_STUDIES)
    task = select_task([study.spec.task for study in studies], request.task, request.task_options)
    latest = {study.spec.optimizer.label: study for study in studies if study.spec.task == task}
    names = select_optimizers([study.spec.optimizer.name for study in latest.values()], request.optimizers)
    return kinds.searches(task, [study for study in latest.values() if study.spec.optimizer.name in names])


def _sweep(store: Store, request: PlotRequest) -> ResultFigure:
    if request.over is None:
        raise UsageError("a sweep needs the name of an option or hyperparameter.", remedy=Remedy.NAME_SWEEP)
    return sweeps.sweep(*_swept(store, request, request.over))


def _noise(store: Store, request: PlotRequest) -> ResultFigure:
    return sweeps.noise(*_swept(store, request, "noise_variance"))


def _swept(store: Store, request: PlotRequest, over: str) -> tuple[TaskSpec, list[RunSetRecord], SweepAxis]:
    run_sets = _of_optimizers(_on_task(_run_sets(store), request), request)
    axis = SweepAxis(over, run_sets)
    tasks = [without_option(run_set.spec.task, axis.name) for run_set in run_sets]
    task = select_task(tasks, request.task, request.task_options)
    selected = [run_set for run_set, own in zip(run_sets, tasks, strict=True) if own == task]
    return task, selected, axis


def _profile(store: Store, request: PlotRequest) -> ResultFigure:
    if request.task_options:
        raise UsageError("a performance profile covers all options of a task: give no task options.")
    if request.task is not None:
        TASKS.check(request.task)
    run_sets = [run_set for run_set in _run_sets(store) if request.task in (None, run_set.spec.task.name)]
    if not run_sets:
        raise UsageError(f"there are no final runs of {request.task} yet.", remedy=Remedy.MAKE_RUNS)
    return kinds.profiles(compare_run_sets(_of_optimizers(run_sets, request)))


PLOT_KINDS: Mapping[str, Callable[[Store, PlotRequest], ResultFigure]] = {
    "curves": _of_groups(kinds.learning_curves),
    "hessian-error": _of_groups(kinds.hessian_errors),
    "trajectories": _of_groups(kinds.trajectories),
    "search": _search,
    "sweep": _sweep,
    "noise": _noise,
    "profile": _profile,
}


def _run_sets(store: Store) -> list[RunSetRecord]:
    run_sets = [run_set for run_set in store.run_sets() if run_set.runs]
    if not run_sets:
        raise UsageError("there are no final runs yet.", remedy=Remedy.MAKE_RUNS)
    return run_sets


def _on_task(run_sets: Sequence[RunSetRecord], request: PlotRequest) -> list[RunSetRecord]:
    """Return the run sets on a task of this name; all if no run is on such a task, which is an error later."""
    return [run_set for run_set in run_sets if run_set.spec.task.name == request.task] or list(run_sets)


def _of_optimizers(run_sets: Sequence[RunSetRecord], request: PlotRequest) -> list[RunSetRecord]:
    names = select_optimizers([run_set.spec.optimizer.name for run_set in run_sets], request.optimizers)
    return [run_set for run_set in run_sets if run_set.spec.optimizer.name in names]
