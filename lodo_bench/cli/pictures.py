"""The kinds of `lodo-bench plot`: what of the database goes into each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lodo_bench.cli.selection import Swept, chosen_optimizers, chosen_task
from lodo_bench.errors import UsageError
from lodo_bench.experiments.figures import curves_figure, hessian_error_figure, hessian_errors, trajectories_figure
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.records import RunSetRecord
from lodo_bench.results.lines import Line, lines_of
from lodo_bench.results.looks import looks_of
from lodo_bench.results.plots.profile import ProfileLine, profile_figure
from lodo_bench.results.plots.search import search_figure
from lodo_bench.results.plots.sweep import sweep_figure
from lodo_bench.results.report.comparison import compare
from lodo_bench.results.report.profile import profile
from lodo_bench.results.store import Store
from lodo_bench.results.sweeps import sweep_over, without
from lodo_bench.spec import TaskSpec
from lodo_bench.tasks import TASKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    store: Store
    task: str | None
    task_options: Sequence[str] | None
    optimizers: Sequence[str] | None
    over: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure and what is in it."""

    figure: Figure
    task: str
    labels: Sequence[str]


def _curves(wanted: Wanted) -> Picture:
    task, lines = _task_lines(wanted)
    return Picture(curves_figure(task, lines, wanted.store), task.label, [line.label for line in lines])


def _hessian_error(wanted: Wanted) -> Picture:
    task, lines = _task_lines(wanted)
    drawn = hessian_errors(lines, wanted.store)
    if not drawn:
        raise UsageError(
            f"of the runs on {task.label} none has a Hessian error: it is measured where the optimizer has a "
            f"preconditioner, as lodo has, and the task tells its Hessian, as quadratic does."
        )
    return Picture(hessian_error_figure(task, drawn), task.label, [line.label for line in drawn])


def _trajectories(wanted: Wanted) -> Picture:
    task, lines = _task_lines(wanted)
    size = TASKS.load(task.name).size(task.options)
    if size != 2:
        raise UsageError(f"trajectories are of tasks with two parameters, as rosenbrock; {task.label} has {size:,}.")
    lines = [line for line in lines if line.longest()]
    return Picture(trajectories_figure(task, lines, wanted.store), task.label, [line.label for line in lines])


def _search(wanted: Wanted) -> Picture:
    studies = [study for study in wanted.store.studies() if study.generations and study.generations[0].mean]
    if not studies:
        raise UsageError("there are no searches yet. Make some with 'lodo-bench tune'.")
    task = chosen_task([study.spec.task for study in studies], wanted.task, wanted.task_options)
    latest = {study.spec.optimizer.label: study for study in studies if study.spec.task == task}
    names = chosen_optimizers([study.spec.optimizer.name for study in latest.values()], wanted.optimizers)
    found = [study for study in latest.values() if study.spec.optimizer.name in names]
    kinds = {name: {p.name: p.kind for p in OPTIMIZERS.load(name).hyperparameters} for name in names}
    return Picture(search_figure(found, kinds), task.label, [study.spec.optimizer.label for study in found])


def _sweep(wanted: Wanted) -> Picture:
    if wanted.over is None:
        raise UsageError("a sweep is over something: name the option or hyperparameter, e.g. --over momentum.")
    return _swept(wanted, wanted.over, "training loss", lambda _: 1.0)


def _noise(wanted: Wanted) -> Picture:
    return _swept(wanted, "noise_variance", "training loss / σ²", float)


def _swept(wanted: Wanted, over: str, y_label: str, unit: Callable[[float | str], float]) -> Picture:
    run_sets = _run_sets(wanted.store)
    swept = Swept(over, run_sets)
    rest = [without(run_set.spec.task, swept.name) for run_set in run_sets]
    task = chosen_task(rest, wanted.task, wanted.task_options)
    alike = [run_set for run_set, other in zip(run_sets, rest, strict=True) if other == task]
    names = chosen_optimizers([run_set.spec.optimizer.name for run_set in alike], wanted.optimizers)
    alike = [run_set for run_set in alike if run_set.spec.optimizer.name in names]
    found = sweep_over(alike, swept.name, swept.value_of, unit)
    if found is None:
        raise UsageError(
            f"the runs on {task.label} have one value of {swept.name} at most. Run more, "
            f"with -t, -o or -p {swept.name}=..."
        )
    title = f"{task.label}, {found.steps:,} steps"
    figure = sweep_figure(title, swept.name.replace("_", " "), y_label, found.lines)
    return Picture(figure, task.label, [line.label for line in found.lines])


def _profile(wanted: Wanted) -> Picture:
    if wanted.task_options:
        raise UsageError("a profile is over tasks: leave out --task-option. --task names one kind of tasks.")
    if wanted.task is not None:
        TASKS.check(wanted.task)
    run_sets = [r for r in _run_sets(wanted.store) if wanted.task in (None, r.spec.task.name)]
    names = chosen_optimizers([run_set.spec.optimizer.name for run_set in run_sets], wanted.optimizers)
    comparisons = compare([r for r in run_sets if r.spec.optimizer.name in names], lambda _: None)
    optimizers = {row.optimizer.label: row.optimizer.name for c in comparisons for row in c.rows}
    if not optimizers:
        raise UsageError(f"there are no final runs of {wanted.task} yet. Make some with 'lodo-bench run'.")
    found = profile(comparisons)
    looks = dict(zip(optimizers, looks_of(list(optimizers.values())), strict=True))
    lines = [ProfileLine(label, looks[label], found.factors, shares) for label, shares in found.shares.items()]
    tasks = f"{len(comparisons)} task{'' if len(comparisons) == 1 else 's'}"
    return Picture(profile_figure(f"Performance profile, {tasks}", lines), tasks, list(found.shares))


PICTURES: Mapping[str, Callable[[Wanted], Picture]] = {
    "curves": _curves,
    "hessian-error": _hessian_error,
    "trajectories": _trajectories,
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


def _task_lines(wanted: Wanted) -> tuple[TaskSpec, list[Line]]:
    """The task, and the lines of the optimizers that are wanted."""
    run_sets = _run_sets(wanted.store)
    task = chosen_task([run_set.spec.task for run_set in run_sets], wanted.task, wanted.task_options)
    here = [run_set for run_set in run_sets if run_set.spec.task == task]
    names = chosen_optimizers([run_set.spec.optimizer.name for run_set in here], wanted.optimizers)
    return task, lines_of(run_set for run_set in here if run_set.spec.optimizer.name in names)
