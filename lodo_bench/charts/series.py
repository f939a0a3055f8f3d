"""Labeled, styled curves of stored runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lodo_bench.charts.curves import CurveBand, RunCurve, aggregate, by_seconds, by_steps, metric_curve
from lodo_bench.charts.groups import GroupMember, ResultGroup
from lodo_bench.charts.line_styles import LineStyle
from lodo_bench.spec.outcome import Curve, MetricHistory


class CurveSource(Protocol):
    """A source of whole learning curves, such as `lodo_bench.results.store.Store`."""

    def curves(self, run_set: int, seeds: Sequence[int]) -> Mapping[int, Curve]:
        """Return the learning curves of runs of a run set by seed, without those that are damaged."""
        ...

    def metrics(self, run_set: int) -> Mapping[int, Mapping[str, MetricHistory]]:
        """Return the other metrics of the runs of a run set, by seed and name."""
        ...


@dataclass(frozen=True, slots=True)
class PlotSeries:
    """A curve of a chart with its label and style."""

    label: str
    line_style: LineStyle
    band: CurveBand


def losses(groups: Sequence[ResultGroup], curves: CurveSource) -> tuple[list[PlotSeries], list[PlotSeries]]:
    """Return the learning curve of each group by steps, and that of each group that was timed by training time.

    The curves of one group at a time are in memory, and each is read once.
    """
    steps: list[PlotSeries] = []
    seconds: list[PlotSeries] = []
    for group in groups:
        longest, timed = group.longest(), group.timed()
        found = _curves([*longest, *timed], curves)
        steps += _series(group, [by_steps(found[_run(m)], m.run.status) for m in longest if _run(m) in found])
        seconds += _series(group, [by_seconds(found[_run(m)], m.run.status) for m in timed if _run(m) in found])
    return steps, seconds


def metric_names(groups: Iterable[ResultGroup], curves: CurveSource) -> list[str]:
    """Return the names of the metrics that were recorded besides losses."""
    return list(dict.fromkeys(name for group in groups for metrics in _metrics(group, curves) for name in metrics))


def metric_by_steps(groups: Sequence[ResultGroup], curves: CurveSource, name: str) -> list[PlotSeries]:
    """Return a metric by steps for each group that recorded it."""

    def metric(group: ResultGroup) -> list[RunCurve]:
        return [metric_curve(metrics[name]) for metrics in _metrics(group, curves) if name in metrics]

    return [series for group in groups for series in _series(group, metric(group))]


def _metrics(group: ResultGroup, curves: CurveSource) -> list[Mapping[str, MetricHistory]]:
    """Return the metrics of the longest run of each seed."""
    members = group.longest()
    found = {run_set: curves.metrics(run_set) for run_set in dict.fromkeys(member.run_set for member in members)}
    return [found[member.run_set].get(member.run.seed, {}) for member in members]


def _curves(members: Iterable[GroupMember], curves: CurveSource) -> dict[tuple[int, int], Curve]:
    """Return the curves of runs by run set and seed, without those that are damaged."""
    seeds: dict[int, dict[int, None]] = {}
    for member in members:
        seeds.setdefault(member.run_set, {})[member.run.seed] = None
    return {
        (run_set, seed): curve
        for run_set, wanted in seeds.items()
        for seed, curve in curves.curves(run_set, list(wanted)).items()
    }


def _run(member: GroupMember) -> tuple[int, int]:
    return member.run_set, member.run.seed


def _series(group: ResultGroup, runs: Iterable[RunCurve]) -> list[PlotSeries]:
    """Return the runs of a group as one line; none without a point."""
    band = aggregate(runs)
    return [] if band is None else [PlotSeries(group.label, group.line_style, band)]
