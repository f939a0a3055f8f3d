"""The kinds of pictures, from stored runs and searches to figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.profile import profile
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.series import losses_by_seconds, losses_by_steps, metric_by_steps
from lodo_bench.charts.sweeps import sweep_over
from lodo_bench.errors import UsageError
from lodo_bench.figures.contours import contour_heights
from lodo_bench.figures.sweep_axis import SweepAxis
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.plots.curves import Panel, curve_figure
from lodo_bench.plots.profile import ProfileLine, profile_figure
from lodo_bench.plots.search import search_figure
from lodo_bench.plots.style import Figure
from lodo_bench.plots.sweep import sweep_figure
from lodo_bench.plots.trajectories import Trajectory, trajectory_figure
from lodo_bench.report.formatting import counted
from lodo_bench.results.store import Store
from lodo_bench.runs.execute import trajectory
from lodo_bench.spec.options import Value
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.metrics import HESSIAN_ERROR


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, what it is about, and what its lines are called."""

    figure: Figure
    subject: str
    labels: Sequence[str]


def learning_curves(task: TaskSpec, lines: Sequence[ResultGroup], store: Store) -> Picture:
    """Losses by steps, and by training time where runs were timed."""
    bound = TASKS.load(task.name).optimal_loss(task.options)
    panels = [Panel("steps", "training loss", losses_by_steps(lines, store), bound)]
    if timed := losses_by_seconds(lines, store):
        panels.append(Panel("training time, s", "training loss", timed, bound))
    figure = curve_figure(f"Learning curves, {task.label}", panels)
    return Picture(figure, task.label, [line.label for line in lines])


def hessian_errors(task: TaskSpec, lines: Sequence[ResultGroup], store: Store) -> Picture:
    """The error of the inverse Hessian by steps, of those lines that have one.

    Raises:
        UsageError: if none has.
    """
    drawn = metric_by_steps(lines, store, HESSIAN_ERROR)
    if not drawn:
        raise UsageError(
            f"of the runs on {task.label} none has a Hessian error: it is measured where the optimizer has a "
            f"preconditioner, as lodo has, and the task tells its Hessian, as quadratic does."
        )
    panel = Panel("steps", "‖I − GH‖ / √n", drawn)
    figure = curve_figure(f"Error of the inverse Hessian, {task.label}", [panel])
    return Picture(figure, task.label, [line.label for line in drawn])


def trajectories(task: TaskSpec, lines: Sequence[ResultGroup], store: Store) -> Picture:
    """The paths of each line's first seed, computed again, over the contours of the task's first batch.

    Raises:
        UsageError: if the task has not two parameters, or no run has ended.
    """
    size = TASKS.load(task.name).dimension_for(task.options)
    if size != 2:
        raise UsageError(f"trajectories are of tasks with two parameters, as rosenbrock; {task.label} has {size:,}.")
    ended = [(line, found[0].run.seed) for line in lines if (found := line.longest())]
    if not ended:
        raise UsageError(f"of the runs on {task.label} none has ended. Continue them with 'lodo-bench run'.")
    paths = [Trajectory(line.label, line.line_style, trajectory(line.spec, seed, store)) for line, seed in ended]
    figure = trajectory_figure(f"Trajectories, {task.label}", paths, contour_heights(task))
    return Picture(figure, task.label, [path.label for path in paths])


def searches(task: TaskSpec, studies: Sequence[StudyRecord]) -> Picture:
    """How searches on a task went; each with at least one generation, and with hyperparameters."""
    names = {study.spec.optimizer.name for study in studies}
    kinds = {name: {p.name: p.kind for p in OPTIMIZERS.load(name).hyperparameters} for name in names}
    return Picture(search_figure(studies, kinds), task.label, [study.spec.optimizer.label for study in studies])


def sweep(task: TaskSpec, run_sets: Sequence[RunSetRecord], swept: SweepAxis) -> Picture:
    """Losses against what was swept; `task` is without it.

    Raises:
        UsageError: if the runs do not differ in it.
    """
    return _sweep(task, run_sets, swept, "training loss", lambda _: 1.0)


def noise(task: TaskSpec, run_sets: Sequence[RunSetRecord], swept: SweepAxis) -> Picture:
    """Losses in units of the noise variance that is swept (LODO Fig. 8); otherwise as `sweep`."""
    return _sweep(task, run_sets, swept, "training loss / σ²", float)


def profiles(comparisons: Sequence[Comparison]) -> Picture:
    """How often each optimizer is nearly the best over all comparisons, of which there is at least one."""
    found = profile(comparisons)
    names = {row.optimizer.label: row.optimizer.name for c in comparisons for row in c.rows}
    looks = line_styles_of([names[label] for label in found.shares])
    lines = [
        ProfileLine(label, look, found.factors, shares)
        for (label, shares), look in zip(found.shares.items(), looks, strict=True)
    ]
    tasks = counted(len(comparisons), "task")
    return Picture(profile_figure(f"Performance profile, {tasks}", lines), tasks, list(found.shares))


def _sweep(
    task: TaskSpec, run_sets: Sequence[RunSetRecord], swept: SweepAxis, y_label: str, unit: Callable[[Value], float]
) -> Picture:
    found = sweep_over(run_sets, swept.name, swept.value_of, unit)
    if found is None:
        raise UsageError(
            f"the runs on {task.label} have one value of {swept.name} at most. Run more, "
            f"with -t, -o or -p {swept.name}=..."
        )
    title = f"{task.label}, {found.steps:,} steps"
    figure = sweep_figure(title, swept.name.replace("_", " "), y_label, found.lines)
    return Picture(figure, task.label, [line.label for line in found.lines])
