"""Rows of charts that share a y axis: losses by steps and by time, their difference to the bound, and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from lodo_bench.charts.axis_limits import BOUNDS, AxisLimits, axis_limits
from lodo_bench.charts.captions import excess_caption
from lodo_bench.charts.excess import above_bound, excess_limits, has_excess
from lodo_bench.charts.groups import ResultGroup
from lodo_bench.charts.series import (
    CurveSource,
    PlotSeries,
    losses,
    metric_by_steps,
)
from lodo_bench.charts.visible import visible
from lodo_bench.spec.training import LossBound, TaskSpec

XAxis = Literal["steps", "seconds"]
X_LABELS: Mapping[XAxis, str] = {"steps": "steps", "seconds": "training time (s)"}


@dataclass(frozen=True, slots=True)
class CurveChart:
    """Curves over steps or seconds."""

    x: XAxis
    lines: Sequence[PlotSeries]


@dataclass(frozen=True, slots=True)
class ChartRow:
    """Charts of one quantity on one y axis.

    Attributes:
        quantity: the y value, e.g. `training loss`.
        charts: at least one.
        limits: the limits of the curves of all charts together, in their order.
        bound: a loss to mark by a horizontal line.
        note: a sentence for the caption.
    """

    quantity: str
    charts: Sequence[CurveChart]
    limits: AxisLimits
    bound: LossBound | None = None
    note: str = ""

    @property
    def lines(self) -> list[PlotSeries]:
        """The curves of all charts."""
        return [line for chart in self.charts for line in chart.lines]


def loss_rows(
    groups: Sequence[ResultGroup], curves: CurveSource, task: TaskSpec, bound: LossBound | None
) -> list[ChartRow]:
    """Return the losses by steps and, for timed runs, by time; below them, the same minus the bound if it is not 0.

    Raises:
        EmptyChartError: if no run has a finite loss.
    """
    by_steps, timed = losses(groups, curves)
    charts = [CurveChart("steps", visible(by_steps, "loss", task))]
    if timed:
        charts.append(CurveChart("seconds", timed))
    row = row_of("training loss", charts, bound=bound)
    if bound is None or not has_excess(bound):
        return [row]
    minus = [CurveChart(chart.x, above_bound(chart.lines, bound)) for chart in charts]
    lines = [line for chart in minus for line in chart.lines]
    limits = excess_limits(lines, row.limits, bound)
    if not len(limits.values):
        note = f"No line rises above the bound ({bound.name}, {bound.loss:.4g})."
        return [row_of("training loss", charts, bound=bound, note=note)]
    return [row, ChartRow("loss − bound", minus, limits, note=excess_caption(bound))]


def metric_row(groups: Sequence[ResultGroup], curves: CurveSource, task: TaskSpec, name: str) -> ChartRow:
    """Return a metric by steps.

    Raises:
        EmptyChartError: if no run has a finite value of it.
    """
    quantity = name.replace("_", " ")
    return row_of(quantity, [CurveChart("steps", visible(metric_by_steps(groups, curves, name), quantity, task))])


def row_of(
    quantity: str,
    charts: Sequence[CurveChart],
    *,
    bound: LossBound | None = None,
    note: str = "",
    clip: bool = True,
) -> ChartRow:
    """Return charts on one y axis; without `clip`, curves that explode are shown in full."""
    bands = [line.band for chart in charts for line in chart.lines]
    return ChartRow(quantity, charts, axis_limits(bands, BOUNDS if clip else inf), bound, note)
