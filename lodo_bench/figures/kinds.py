"""Figures of final runs, searches and sweeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.profile import profile
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.series import losses_by_seconds, losses_by_steps, metric_by_steps
from lodo_bench.charts.sweeps import sweep_over
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.figures.comparisons import hyperparameter_kinds, optimal_loss, why_not_loaded
from lodo_bench.figures.contours import contour_heights
from lodo_bench.figures.sweep_axis import SweepAxis
from lodo_bench.plots.curves import Panel, curve_figure
from lodo_bench.plots.profile import ProfileLine, profile_figure
from lodo_bench.plots.search import search_figure
from lodo_bench.plots.style import Figure, save
from lodo_bench.plots.sweep import sweep_figure
from lodo_bench.plots.trajectories import Trajectory, trajectory_figure
from lodo_bench.report.formatting import counted
from lodo_bench.results.reader import Results
from lodo_bench.runs.execute import trajectory
from lodo_bench.spec.options import Value
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.metrics import HESSIAN_ERROR


@dataclass(frozen=True, slots=True)
class ResultFigure:
    """A figure with its subject, the labels of its lines, and sentences about what it leaves out."""

    figure: Figure
    subject: str
    labels: Sequence[str]
    notes: Sequence[str] = ()

    def save(self, file: BinaryIO, kind: str) -> None:
        """Write the figure as `png`, `svg` or `pdf`."""
        save(self.figure, file, kind)


def learning_curves(task: TaskSpec, groups: Sequence[ResultGroup], store: Results) -> ResultFigure:
    """Plot losses by steps and, for timed runs, by training time."""
    bound = optimal_loss(task)
    panels = [Panel("steps", "training loss", losses_by_steps(groups, store), bound)]
    if timed := losses_by_seconds(groups, store):
        panels.append(Panel("training time (s)", "training loss", timed, bound))
    figure = curve_figure(f"Learning curves, {task.label}", panels)
    return ResultFigure(figure, task.label, [group.label for group in groups])


def hessian_errors(task: TaskSpec, groups: Sequence[ResultGroup], store: Results) -> ResultFigure:
    """Plot the error of the inverse Hessian by steps.

    Raises:
        UsageError: if no run recorded it.
    """
    lines = metric_by_steps(groups, store, HESSIAN_ERROR)
    if not lines:
        raise UsageError(
            f"no run on {task.label} has a Hessian error: it is recorded only for optimizers with a preconditioner, "
            "such as lodo, on tasks with a known Hessian, such as quadratic."
        )
    panel = Panel("steps", "‖I − GH‖ / √n", lines)
    figure = curve_figure(f"Error of the inverse Hessian, {task.label}", [panel])
    return ResultFigure(figure, task.label, [line.label for line in lines])


def trajectories(task: TaskSpec, groups: Sequence[ResultGroup], store: Results) -> ResultFigure:
    """Plot the trajectory of each group's first seed, which is recomputed, over the contours of the first batch.

    Raises:
        UsageError: if the task does not have two parameters, or no run is finished.
    """
    size = TASKS.load(task.name).dimension_for(task.options)
    if size != 2:
        raise UsageError(f"trajectories need two parameters, as rosenbrock has; {task.label} has {size:,}.")
    finished = [(group, members[0].run.seed) for group in groups if (members := group.longest())]
    if not finished:
        raise UsageError(f"no run on {task.label} is finished.", remedy=Remedy.RUN_FIRST, task=task)
    unknown = {group.label: reason for group, _ in finished if (reason := why_not_loaded(group.spec.optimizer))}
    notes = [f"{label} is left out, as its runs cannot be repeated: {reason}" for label, reason in unknown.items()]
    finished = [(group, seed) for group, seed in finished if group.label not in unknown]
    if not finished:
        raise UsageError(" ".join(notes))
    runs = [Trajectory(group.label, group.line_style, trajectory(group.spec, seed, store)) for group, seed in finished]
    figure = trajectory_figure(f"Trajectories, {task.label}", runs, contour_heights(task))
    return ResultFigure(figure, task.label, [run.label for run in runs], notes)


def searches(task: TaskSpec, studies: Sequence[StudyRecord]) -> ResultFigure:
    """Plot searches on a task, each with at least one generation and one hyperparameter."""
    kinds = [hyperparameter_kinds(study.spec.optimizer) for study in studies]
    return ResultFigure(search_figure(studies, kinds), task.label, [study.spec.optimizer.label for study in studies])


def sweep(task: TaskSpec, run_sets: Sequence[RunSetRecord], axis: SweepAxis) -> ResultFigure:
    """Plot losses against the swept value; `task` lacks the swept option.

    Raises:
        UsageError: if the runs have fewer than two values.
    """
    return _sweep(task, run_sets, axis, "training loss", lambda _: 1.0)


def noise(task: TaskSpec, run_sets: Sequence[RunSetRecord], axis: SweepAxis) -> ResultFigure:
    """Plot losses divided by the swept noise variance (LODO Fig. 8); otherwise like `sweep`."""
    return _sweep(task, run_sets, axis, "training loss / σ²", float)


def profiles(comparisons: Sequence[Comparison]) -> ResultFigure:
    """Plot performance profiles over one or more comparisons."""
    found = profile(comparisons)
    names = {row.optimizer.label: row.optimizer.name for c in comparisons for row in c.rows}
    styles = line_styles_of([names[label] for label in found.shares])
    lines = [
        ProfileLine(label, style, found.factors, shares)
        for (label, shares), style in zip(found.shares.items(), styles, strict=True)
    ]
    tasks = counted(len(comparisons), "task")
    return ResultFigure(profile_figure(f"Performance profile, {tasks}", lines), tasks, list(found.shares))


def _sweep(
    task: TaskSpec, run_sets: Sequence[RunSetRecord], axis: SweepAxis, y_label: str, unit: Callable[[Value], float]
) -> ResultFigure:
    found = sweep_over(run_sets, axis.name, axis.value_of, unit)
    if found is None:
        raise UsageError(
            f"the runs on {task.label} have fewer than two values of {axis.name}. Run it with other values first."
        )
    title = f"{task.label}, {found.steps:,} steps"
    figure = sweep_figure(title, axis.name.replace("_", " "), y_label, found.lines)
    return ResultFigure(figure, task.label, [line.label for line in found.lines])
