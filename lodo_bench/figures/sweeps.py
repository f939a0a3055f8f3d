"""Figures of sweeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lodo_bench.charts.captions import sweep_caption
from lodo_bench.charts.sweeps import sweep_over
from lodo_bench.charts.visible import EmptyChartError
from lodo_bench.errors import UsageError
from lodo_bench.figures.kinds import ResultFigure
from lodo_bench.figures.sweep_axis import SweepAxis
from lodo_bench.plots.sweep import sweep_figure
from lodo_bench.spec.options import Value
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.training import TaskSpec


def sweep(task: TaskSpec, run_sets: Sequence[RunSetRecord], axis: SweepAxis) -> ResultFigure:
    """Plot losses against the swept value; `task` lacks the swept option.

    Raises:
        UsageError: if the runs have fewer than two values.
        EmptyChartError: if none of the runs has a finite loss.
    """
    return _sweep(task, run_sets, axis, "training loss", lambda _: 1.0)


def noise(task: TaskSpec, run_sets: Sequence[RunSetRecord], axis: SweepAxis) -> ResultFigure:
    """Plot losses divided by the swept noise variance (LODO Fig. 8), which 0 has none of; otherwise like `sweep`."""
    return _sweep(task, run_sets, axis, "training loss / σ²", float)


def _sweep(
    task: TaskSpec, run_sets: Sequence[RunSetRecord], axis: SweepAxis, y_label: str, unit: Callable[[Value], float]
) -> ResultFigure:
    found = sweep_over(run_sets, axis.name, axis.value_of, unit)
    name = axis.name.replace("_", " ")
    if found is None:
        raise UsageError(
            f"the runs on {task.label} have fewer than two values of {axis.name} with everything else alike. Run it "
            "with other values first."
        )
    if not any(summary.count for line in found.lines for _, summary in line.points):
        raise EmptyChartError(
            f"all runs on {task.label} with different values of {axis.name} diverged, so there is no loss to draw. "
            "Run it with other values, or with other hyperparameters."
        )
    title = f"{task.label}, {found.steps:,} steps"
    figure = sweep_figure(title, name, y_label, found.lines)
    labels = [line.label for line in found.lines]
    return ResultFigure(figure, task.label, labels, sweep_caption(found.lines), found.left_out)
