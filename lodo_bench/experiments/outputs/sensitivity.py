"""The dependence of a loss on hyperparameters: every point of a grid, beside the defaults."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.statistics import Summary
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.sweeps import SweepLine, summarize_points
from lodo_bench.experiments.outputs.figure_section import figure_section
from lodo_bench.experiments.result import ConditionResult, ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.optimizers import load_optimizer
from lodo_bench.plots.sweep import sweep_figure
from lodo_bench.report.formatting import mean_and_spread
from lodo_bench.report.markdown import table
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.options import Value, format_value
from lodo_bench.spec.training import OptimizerSpec

_CLOSE = 1.1
_HEADERS = (
    "optimizer",
    "loss at its defaults",
    "lowest loss",
    "at",
    "defaults / lowest of all",
    "lowest / lowest of all",
    "within 10 % of its lowest",
)


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One optimizer at one point of its grid."""

    values: Mapping[str, Value]
    summary: Summary
    is_default: bool

    @property
    def loss(self) -> float:
        """The mean loss; infinite if a run diverged."""
        return self.summary.mean if self.summary.count and not self.summary.diverged else math.inf


Grids = Sequence[tuple[OptimizerSpec, Sequence[GridPoint]]]


def sensitivity(result: ExperimentResult) -> list[Section]:
    """Tabulate, for each task, the loss at the defaults and at the best point of each grid, and plot it over rates."""
    sections = []
    for number, (label, results) in enumerate(_by_task(result).items(), start=1):
        milestone = Milestone("steps", max(runs.steps for each in results for runs in each.condition.part.runs))
        grids = _grids(results, milestone)
        title = f"{label}: loss at {milestone.title}"
        seeds = {p.summary.count + p.summary.diverged for _, points in grids for p in points}
        note = (
            f"- Mean training loss over the last tenth of the steps; mean ± sample standard deviation over "
            f"{' or '.join(map(str, sorted(seeds)))} seeds. A point where a run diverged is not the lowest."
        )
        sections.append(Section(f"### {title}\n\n{table(_HEADERS, _rows(grids), left=1)}\n\n{note}"))
        sections += _figures(title, f"sensitivity-{number}", grids)
    return sections


def _by_task(result: ExperimentResult) -> dict[str, list[ConditionResult]]:
    found: dict[str, list[ConditionResult]] = {}
    for each in result.results:
        if each.condition.values and each.run_sets:
            found.setdefault(each.condition.part.task.label, []).append(each)
    return found


def _grids(results: Sequence[ConditionResult], milestone: Milestone) -> Grids:
    grids: dict[str, tuple[OptimizerSpec, list[GridPoint]]] = {}
    for each in results:
        condition = each.condition
        ((_, summary),) = summarize_points({"": each.run_sets}, milestone, lambda _: 1.0)
        initial = {p.name: p.initial for p in load_optimizer(condition.base).hyperparameters}
        is_default = (condition.task, condition.optimizer) == (condition.part.task, condition.base) and (
            dict(each.hyperparameters[0].values) == initial
        )
        _, points = grids.setdefault(condition.base.label, (condition.base, []))
        points.append(GridPoint(condition.values, summary, is_default))
    return list(grids.values())


def _rows(grids: Grids) -> Iterator[list[str]]:
    lowest_of_all = min(point.loss for _, points in grids for point in points)
    for optimizer, points in grids:
        best = min(points, key=lambda point: point.loss)
        default = next((point for point in points if point.is_default), None)
        close = sum(point.loss <= _CLOSE * best.loss for point in points if math.isfinite(point.loss))
        at = ", ".join(f"{name}={format_value(value)}" for name, value in best.values.items())
        yield [
            optimizer.label,
            "–" if default is None else _cell(default.summary),
            _cell(best.summary),
            at if math.isfinite(best.loss) else "–",
            _ratio(math.nan if default is None else default.loss, lowest_of_all),
            _ratio(best.loss, lowest_of_all),
            f"{close} of {len(points)}",
        ]


def _cell(summary: Summary) -> str:
    text = mean_and_spread(summary)
    return f"{text} ({summary.diverged} diverged)" if summary.diverged else text


def _ratio(loss: float, lowest: float) -> str:
    return f"{loss / lowest:.2f}" if math.isfinite(loss) and math.isfinite(lowest) and lowest > 0 else "–"


def _figures(title: str, name: str, grids: Grids) -> Iterator[Section]:
    """Yield a figure for each rate: the loss against it, at the best of the other values."""
    rates = dict.fromkeys(
        p.name
        for optimizer, points in grids
        for p in load_optimizer(optimizer).hyperparameters
        if p.kind == "rate" and p.name in points[0].values
    )
    for rate in rates:
        chosen = [(optimizer, points) for optimizer, points in grids if rate in points[0].values]
        styles = line_styles_of([optimizer.name for optimizer, _ in chosen])
        lines = [
            SweepLine(optimizer.label, style, list(_profile(points, rate)))
            for (optimizer, points), style in zip(chosen, styles, strict=True)
        ]
        if not any(summary.count for line in lines for _, summary in line.points):
            continue
        described = f"{title}, by {rate}, at the best of the other values of the grid"
        figure = sweep_figure(f"{title}, by {rate}", rate, "loss at the best of the rest", lines)
        yield figure_section(figure, name=f"{name}-{rate.replace('_', '-')}", caption=f"{described}.")


def _profile(points: Sequence[GridPoint], name: str) -> Iterator[tuple[Value, Summary]]:
    for value in sorted({point.values[name] for point in points}, key=float):
        yield value, min((p for p in points if p.values[name] == value), key=lambda point: point.loss).summary
