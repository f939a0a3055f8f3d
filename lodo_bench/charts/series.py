"""From stored runs to the lines of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lodo_bench.charts.curves import Course, Path, by_seconds, by_steps, course, of_series
from lodo_bench.charts.line_styles import Look
from lodo_bench.charts.lines import Line, Member
from lodo_bench.spec.outcome import Curve, Series


class Curves(Protocol):
    """Where whole curves are; `lodo_bench.results.store.Store` is one."""

    def curve(self, run_set: int, seed: int) -> Curve:
        """The whole curve of one run."""
        ...

    def metrics(self, run_set: int, seed: int) -> Mapping[str, Series]:
        """What was measured of one run besides its losses, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """A course with what it is called and drawn with."""

    label: str
    look: Look
    course: Course


def losses_by_steps(lines: Sequence[Line], curves: Curves) -> list[Drawn]:
    """Each line's learning curve by steps."""
    return _drawn(lines, lambda line: [by_steps(_curve(m, curves), m.run.status) for m in line.longest()])


def losses_by_seconds(lines: Sequence[Line], curves: Curves) -> list[Drawn]:
    """Each line's learning curve by training seconds, of those lines that were timed."""
    return _drawn(lines, lambda line: [by_seconds(_curve(m, curves), m.run.status) for m in line.timed()])


def metric_names(lines: Iterable[Line], curves: Curves) -> list[str]:
    """What was measured of any of the runs, besides losses."""
    members = [member for line in lines for member in line.longest()]
    return list(dict.fromkeys(name for m in members for name in curves.metrics(m.run_set, m.run.seed)))


def metric_by_steps(lines: Sequence[Line], curves: Curves, name: str) -> list[Drawn]:
    """The course of a metric, of those lines of which it was measured."""

    def paths(line: Line) -> list[Path]:
        found = [curves.metrics(m.run_set, m.run.seed).get(name) for m in line.longest()]
        return [of_series(series) for series in found if series is not None]

    return _drawn(lines, paths)


def _curve(member: Member, curves: Curves) -> Curve:
    return curves.curve(member.run_set, member.run.seed)


def _drawn(lines: Iterable[Line], paths: Callable[[Line], list[Path]]) -> list[Drawn]:
    found = [(line, course(paths(line))) for line in lines]
    return [Drawn(line.label, line.look, course) for line, course in found if course is not None]
