"""Pictures of the runs of one task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lodo_bench.experiments.contours import contour_heights
from lodo_bench.metrics import HESSIAN_ERROR
from lodo_bench.results.drawn import Drawn, losses_by_seconds, losses_by_steps, metric_by_steps
from lodo_bench.results.lines import Line
from lodo_bench.results.plots.curves import Panel, course_figure
from lodo_bench.results.plots.trajectories import Trajectory, trajectory_figure
from lodo_bench.results.store import Store
from lodo_bench.runs import trajectory
from lodo_bench.spec import TaskSpec
from lodo_bench.tasks import TASKS

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # noqa: TID251 - its type only


def curves_figure(task: TaskSpec, lines: Sequence[Line], store: Store) -> Figure:
    """Learning curves by steps, and by training time if any run was timed."""
    bound = TASKS.load(task.name).bound(task.options)
    panels = [Panel("steps", "training loss", losses_by_steps(lines, store), bound)]
    if timed := losses_by_seconds(lines, store):
        panels.append(Panel("training time, s", "training loss", timed, bound))
    return course_figure(f"Learning curves, {task.label}", panels)


def hessian_errors(lines: Sequence[Line], store: Store) -> list[Drawn]:
    """The course of the Hessian error, of those lines of which it was measured."""
    return metric_by_steps(lines, store, HESSIAN_ERROR)


def hessian_error_figure(task: TaskSpec, drawn: Sequence[Drawn]) -> Figure:
    """How far the preconditioners are from the inverse Hessian, by steps."""
    return course_figure(f"Error of the inverse Hessian, {task.label}", [Panel("steps", "‖I − GH‖ / √n", drawn)])


def trajectories_figure(task: TaskSpec, lines: Sequence[Line], store: Store) -> Figure:
    """The path of each line's first seed, of a task with two parameters; computed anew."""
    paths = [
        Trajectory(line.label, line.look, trajectory(line.spec, line.longest()[0].run.seed, store))
        for line in lines
        if line.longest()
    ]
    return trajectory_figure(f"Trajectories, {task.label}", paths, contour_heights(task))
