"""Labeled, styled curves of stored runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lodo_bench.charts.curves import CurveBand, RunCurve, aggregate, by_seconds, by_steps, metric_curve
from lodo_bench.charts.groups import GroupMember, ResultGroup
from lodo_bench.charts.line_styles import LineStyle
from lodo_bench.spec.outcome import Curve, MetricHistory


class CurveSource(Protocol):
    """A source of whole learning curves, such as `lodo_bench.results.store.Store`."""

    def curve(self, run_set: int, seed: int) -> Curve:
        """Return the learning curve of one run."""
        ...

    def metrics(self, run_set: int, seed: int) -> Mapping[str, MetricHistory]:
        """Return the other metrics of one run, by name."""
        ...


@dataclass(frozen=True, slots=True)
class PlotSeries:
    """A curve of a chart with its label and style."""

    label: str
    line_style: LineStyle
    band: CurveBand


def losses_by_steps(groups: Sequence[ResultGroup], curves: CurveSource) -> list[PlotSeries]:
    """Return the learning curve of each group by steps."""
    return _series(groups, lambda group: [by_steps(_curve(m, curves), m.run.status) for m in group.longest()])


def losses_by_seconds(groups: Sequence[ResultGroup], curves: CurveSource) -> list[PlotSeries]:
    """Return the learning curve of each group that was timed by training time."""
    return _series(groups, lambda group: [by_seconds(_curve(m, curves), m.run.status) for m in group.timed()])


def metric_names(groups: Iterable[ResultGroup], curves: CurveSource) -> list[str]:
    """Return the names of the metrics that were recorded besides losses."""
    members = [member for group in groups for member in group.longest()]
    return list(dict.fromkeys(name for m in members for name in curves.metrics(m.run_set, m.run.seed)))


def metric_by_steps(groups: Sequence[ResultGroup], curves: CurveSource, name: str) -> list[PlotSeries]:
    """Return a metric by steps for each group that recorded it."""

    def metric(group: ResultGroup) -> list[RunCurve]:
        histories = [curves.metrics(m.run_set, m.run.seed).get(name) for m in group.longest()]
        return [metric_curve(history) for history in histories if history is not None]

    return _series(groups, metric)


def _curve(member: GroupMember, curves: CurveSource) -> Curve:
    return curves.curve(member.run_set, member.run.seed)


def _series(groups: Iterable[ResultGroup], curves_of: Callable[[ResultGroup], list[RunCurve]]) -> list[PlotSeries]:
    bands = [(group, aggregate(curves_of(group))) for group in groups]
    return [PlotSeries(group.label, group.line_style, band) for group, band in bands if band is not None]
