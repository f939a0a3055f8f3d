"""The kinds of `lodo-bench plot`: what of the database goes into each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.comparison import compare
from lodo_bench.charts.groups import ResultGroup, result_groups
from lodo_bench.charts.sweeps import without
from lodo_bench.cli.selection import chosen_optimizers, chosen_task
from lodo_bench.errors import UsageError
from lodo_bench.figures import kinds as pictures
from lodo_bench.figures.kinds import Picture
from lodo_bench.figures.sweep_axis import SweepAxis
from lodo_bench.results.store import Store
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS


@dataclass(frozen=True, slots=True)
class PlotRequest:
    """What the command line asks for."""

    store: Store
    task: str | None
    task_options: Sequence[str] | None
    optimizers: Sequence[str] | None
    over: str | None


def _of_lines(draw: Callable[[TaskSpec, Sequence[ResultGroup], Store], Picture]) -> Callable[[PlotRequest], Picture]:
    """A picture of the final runs on one task."""

    def picture(wanted: PlotRequest) -> Picture:
        run_sets = _run_sets(wanted.store)
        task = chosen_task([run_set.spec.task for run_set in run_sets], wanted.task, wanted.task_options)
        here = _of_optimizers([run_set for run_set in run_sets if run_set.spec.task == task], wanted.optimizers)
        return draw(task, result_groups(here), wanted.store)

    return picture


def _search(wanted: PlotRequest) -> Picture:
    studies = [study for study in wanted.store.studies() if study.generations and study.generations[0].mean]
    if not studies:
        raise UsageError("there are no searches yet. Make some with 'lodo-bench tune'.")
    task = chosen_task([study.spec.task for study in studies], wanted.task, wanted.task_options)
    latest = {study.spec.optimizer.label: study for study in studies if study.spec.task == task}
    names = chosen_optimizers([study.spec.optimizer.name for study in latest.values()], wanted.optimizers)
    return pictures.searches(task, [study for study in latest.values() if study.spec.optimizer.name in names])


def _sweep(wanted: PlotRequest) -> Picture:
    if wanted.over is None:
        raise UsageError("a sweep is over something: name the option or hyperparameter, e.g. --over momentum.")
    return pictures.sweep(*_swept(wanted, wanted.over))


def _noise(wanted: PlotRequest) -> Picture:
    return pictures.noise(*_swept(wanted, "noise_variance"))


def _swept(wanted: PlotRequest, over: str) -> tuple[TaskSpec, list[RunSetRecord], SweepAxis]:
    run_sets = _run_sets(wanted.store)
    swept = SweepAxis(over, run_sets)
    rest = [without(run_set.spec.task, swept.name) for run_set in run_sets]
    task = chosen_task(rest, wanted.task, wanted.task_options)
    alike = [run_set for run_set, other in zip(run_sets, rest, strict=True) if other == task]
    return task, _of_optimizers(alike, wanted.optimizers), swept


def _profile(wanted: PlotRequest) -> Picture:
    if wanted.task_options:
        raise UsageError("a profile is over tasks: leave out --task-option. --task names one kind of tasks.")
    if wanted.task is not None:
        TASKS.check(wanted.task)
    run_sets = [run_set for run_set in _run_sets(wanted.store) if wanted.task in (None, run_set.spec.task.name)]
    if not run_sets:
        raise UsageError(f"there are no final runs of {wanted.task} yet. Make some with 'lodo-bench run'.")
    return pictures.profiles(compare(_of_optimizers(run_sets, wanted.optimizers), lambda _: None))


PICTURES: Mapping[str, Callable[[PlotRequest], Picture]] = {
    "curves": _of_lines(pictures.learning_curves),
    "hessian-error": _of_lines(pictures.hessian_errors),
    "trajectories": _of_lines(pictures.trajectories),
    "search": _search,
    "sweep": _sweep,
    "noise": _noise,
    "profile": _profile,
}


def _run_sets(store: Store) -> list[RunSetRecord]:
    run_sets = [run_set for run_set in store.run_sets() if run_set.runs]
    if not run_sets:
        raise UsageError("there are no final runs yet. Make some with 'lodo-bench run'.")
    return run_sets


def _of_optimizers(run_sets: Sequence[RunSetRecord], wanted: Sequence[str] | None) -> list[RunSetRecord]:
    names = chosen_optimizers([run_set.spec.optimizer.name for run_set in run_sets], wanted)
    return [run_set for run_set in run_sets if run_set.spec.optimizer.name in names]
