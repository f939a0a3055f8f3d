"""From stored runs to the lines of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lodo_bench.charts.curves import CurveBand, RunCurve, aggregate, by_seconds, by_steps, metric_curve
from lodo_bench.charts.groups import Member, ResultGroup
from lodo_bench.charts.line_styles import LineStyle
from lodo_bench.spec.outcome import Curve, MetricHistory


class Curves(Protocol):
    """Where whole curves are; `lodo_bench.results.store.Store` is one."""

    def curve(self, run_set: int, seed: int) -> Curve:
        """The whole curve of one run."""
        ...

    def metrics(self, run_set: int, seed: int) -> Mapping[str, MetricHistory]:
        """What was measured of one run besides its losses, by name."""
        ...


@dataclass(frozen=True, slots=True)
class PlotSeries:
    """A course with what it is called and drawn with."""

    label: str
    line_style: LineStyle
    course: CurveBand


def losses_by_steps(lines: Sequence[ResultGroup], curves: Curves) -> list[PlotSeries]:
    """Each line's learning curve by steps."""
    return _drawn(lines, lambda line: [by_steps(_curve(m, curves), m.run.status) for m in line.longest()])


def losses_by_seconds(lines: Sequence[ResultGroup], curves: Curves) -> list[PlotSeries]:
    """Each line's learning curve by training seconds, of those lines that were timed."""
    return _drawn(lines, lambda line: [by_seconds(_curve(m, curves), m.run.status) for m in line.timed()])


def metric_names(lines: Iterable[ResultGroup], curves: Curves) -> list[str]:
    """What was measured of any of the runs, besides losses."""
    members = [member for line in lines for member in line.longest()]
    return list(dict.fromkeys(name for m in members for name in curves.metrics(m.run_set, m.run.seed)))


def metric_by_steps(lines: Sequence[ResultGroup], curves: Curves, name: str) -> list[PlotSeries]:
    """The course of a metric, of those lines of which it was measured."""

    def paths(line: ResultGroup) -> list[RunCurve]:
        found = [curves.metrics(m.run_set, m.run.seed).get(name) for m in line.longest()]
        return [metric_curve(series) for series in found if series is not None]

    return _drawn(lines, paths)


def _curve(member: Member, curves: Curves) -> Curve:
    return curves.curve(member.run_set, member.run.seed)


def _drawn(lines: Iterable[ResultGroup], paths: Callable[[ResultGroup], list[RunCurve]]) -> list[PlotSeries]:
    found = [(line, aggregate(paths(line))) for line in lines]
    return [PlotSeries(line.label, line.line_style, course) for line, course in found if course is not None]
