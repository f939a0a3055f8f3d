"""Figures of final runs and searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.profile import profile
from lodo_bench.charts.captions import profile_caption, search_caption, trajectories_caption
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.rows import loss_rows, metric_row
from lodo_bench.charts.series import metric_names
from lodo_bench.charts.visible import EmptyChartError
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.figures.contours import contour_heights
from lodo_bench.optimizers import load_optimizer
from lodo_bench.plots.curves import caption_of, curve_figure
from lodo_bench.plots.profile import ProfileLine, profile_figure
from lodo_bench.plots.search import search_figure
from lodo_bench.plots.style import Figure, save
from lodo_bench.plots.trajectories import Trajectory, trajectory_figure
from lodo_bench.report.formatting import counted
from lodo_bench.results.reader import Results
from lodo_bench.runs.execute import trajectory
from lodo_bench.runs.facts import kinds_of
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.metrics import HESSIAN_ERROR


@dataclass(frozen=True, slots=True)
class ResultFigure:
    """A figure of stored results.

    Attributes:
        figure: the drawn figure.
        subject: the task, or the number of tasks.
        labels: of its lines.
        caption: the statistic that it shows, and the number of seeds.
        left_out: for each of the runs that are not in it, a sentence that says why.
    """

    figure: Figure
    subject: str
    labels: Sequence[str]
    caption: str
    left_out: Sequence[str] = ()

    def save(self, file: BinaryIO, kind: str) -> None:
        """Write the figure as `png`, `svg` or `pdf`."""
        save(self.figure, file, kind)


def learning_curves(task: TaskSpec, groups: Sequence[ResultGroup], store: Results) -> ResultFigure:
    """Plot losses by steps and, for timed runs, by training time; below them the difference to the bound, if any.

    Raises:
        EmptyChartError: if no run has a finite loss.
    """
    bound = next((group.bound for group in reversed(groups) if group.bound is not None), None)
    rows = loss_rows(groups, store, task, bound)
    figure = curve_figure(f"Learning curves, {task.label}", rows)
    return ResultFigure(figure, task.label, [group.label for group in groups], caption_of(rows))


def hessian_errors(task: TaskSpec, groups: Sequence[ResultGroup], store: Results) -> ResultFigure:
    """Plot the error of the inverse Hessian by steps.

    Raises:
        UsageError: if no run recorded it.
        EmptyChartError: if no run has a finite one.
    """
    if HESSIAN_ERROR not in metric_names(groups, store):
        raise UsageError(
            f"no run on {task.label} has a Hessian error: it is recorded only for optimizers with a preconditioner, "
            "such as lodo, on tasks with a known Hessian, such as quadratic."
        )
    row = replace(metric_row(groups, store, task, HESSIAN_ERROR), quantity="‖I − GH‖ / √n")
    figure = curve_figure(f"Error of the inverse Hessian, {task.label}", [row])
    return ResultFigure(figure, task.label, [line.label for line in row.lines], caption_of([row]))


def trajectories(task: TaskSpec, groups: Sequence[ResultGroup], store: Results) -> ResultFigure:
    """Plot the trajectory of each group's first seed, which is recomputed, over the contours of the first batch.

    Raises:
        UsageError: if the task does not have two parameters, or no run is finished.
    """
    kind = TASKS.load(task.name)
    size = kind.dimension_for(task.options)
    if size != 2:
        raise UsageError(f"trajectories need two parameters, as rosenbrock has; {task.label} has {size:,}.")
    firsts = [(group, members[0]) for group in groups if (members := group.longest())]
    if not firsts:
        raise UsageError(f"no run on {task.label} is finished.", remedy=Remedy.RUN_FIRST, task=task)
    unknown = {group.label: reason for group, _ in firsts if (reason := _why_not_loaded(group.spec.optimizer))}
    left_out = [f"{label}, as its runs cannot be repeated: {reason.rstrip('.')}" for label, reason in unknown.items()]
    firsts = [(group, first) for group, first in firsts if group.label not in unknown]
    if not firsts:
        raise UsageError(f"no run on {task.label} can be repeated: {'; '.join(left_out)}.")
    runs = [
        Trajectory(group.label, group.line_style, trajectory(first.spec, first.run.seed, store))
        for group, first in firsts
    ]
    minimizers = np.array(kind.minimizers(task.options), dtype=np.float64).reshape(-1, 2)
    note = trajectories_caption(first.run.seed for _, first in firsts)
    figure = trajectory_figure(f"Trajectories, {task.label}", runs, contour_heights(task), minimizers, note)
    return ResultFigure(figure, task.label, [run.label for run in runs], note, left_out)


def searches(task: TaskSpec, studies: Sequence[StudyRecord]) -> ResultFigure:
    """Plot searches on a task, each with at least one generation and one hyperparameter.

    Raises:
        EmptyChartError: if none of them has an individual.
    """
    if not any(study.individuals for study in studies):
        raise EmptyChartError(f"no search on {task.label} has an individual yet.", remedy=Remedy.MAKE_STUDIES)
    kinds = list(map(kinds_of, studies))
    heads = "Fitness: mean training loss over the last tenth of the steps. "
    note = heads + " ".join(f"{study.spec.optimizer.label}: {search_caption(study)}" for study in studies)
    figure = search_figure(studies, kinds, note)
    return ResultFigure(figure, task.label, [study.spec.optimizer.label for study in studies], note)


def profiles(comparisons: Sequence[Comparison]) -> ResultFigure:
    """Plot performance profiles over one or more comparisons.

    Raises:
        EmptyChartError: if no optimizer has a finite loss on any of them.
    """
    found = profile(comparisons)
    if not any(shares.any() for shares in found.shares.values()):
        raise EmptyChartError("no run has a finite loss at a number of steps.", remedy=Remedy.MAKE_RUNS)
    names = {row.optimizer.label: row.optimizer.name for c in comparisons for row in c.rows}
    styles = line_styles_of([names[label] for label in found.shares])
    lines = [
        ProfileLine(label, style, found.factors, shares)
        for (label, shares), style in zip(found.shares.items(), styles, strict=True)
    ]
    tasks = counted(len(comparisons), "task")
    note = profile_caption(tasks)
    figure = profile_figure(f"Performance profile, {tasks}", lines, note)
    return ResultFigure(figure, tasks, list(found.shares), note)


def _why_not_loaded(optimizer: OptimizerSpec) -> str:
    """Return why an optimizer cannot be used on this machine, as a sentence; empty if it can."""
    try:
        load_optimizer(optimizer)
    except UsageError as error:
        return str(error)
    return ""
