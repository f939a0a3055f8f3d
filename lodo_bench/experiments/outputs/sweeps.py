"""What became of runs that differ in one thing: a table and a picture (LODO Fig. 5, Table 7, Fig. 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lodo_bench.analysis.statistics import Summary, summarize
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.sweeps import SweepLine
from lodo_bench.experiments.run import CaseResult, ExperimentResult
from lodo_bench.experiments.section import Section, drawn
from lodo_bench.experiments.spec import Part
from lodo_bench.plots.sweep import sweep_figure
from lodo_bench.report.markdown import mean_and_spread, table
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.options import Value, format_value
from lodo_bench.spec.outcome import Status

Unit = Callable[[Value], float]


def sweep(done: ExperimentResult) -> list[Section]:
    """Loss against what was swept over."""
    return _pieces(done, "loss", lambda _: 1.0)


def noise(done: ExperimentResult) -> list[Section]:
    """Loss, divided by the noise variance σ², against σ²."""
    return _pieces(done, "loss / σ²", float)


def _pieces(done: ExperimentResult, quantity: str, unit: Unit) -> list[Section]:
    parts = [part for part in done.experiment.parts if part.sweep is not None]
    return [
        _piece(part, [result for result in done.results if result.case.part is part], quantity, unit, suffix)
        for part, suffix in zip(parts, [""] + [f"-{i + 2}" for i in range(len(parts))], strict=False)
    ]


def _piece(part: Part, results: Sequence[CaseResult], quantity: str, unit: Unit, suffix: str) -> Section:
    assert part.sweep is not None, "only those are asked for"
    name = part.sweep.over.replace("_", " ")
    milestone = Milestone("steps", max(runs.steps for runs in part.runs))
    lines = _lines(part, results, milestone, unit)
    what = f"{quantity} at {milestone.title}"
    title = f"{part.task.label}: {what}, by {name}"
    figure = sweep_figure(title, name, quantity, lines)
    text = f"### {title}\n\n{_table(name, lines)}\n\n{_note(lines)}"
    return Section(text, drawn(figure), f"{part.sweep.over.replace('_', '-')}{suffix}", f"{title}.")


def _lines(part: Part, results: Sequence[CaseResult], milestone: Milestone, unit: Unit) -> list[SweepLine]:
    looks = line_styles_of([optimizer.name for optimizer in part.optimizers])
    lines = []
    for optimizer, look in zip(part.optimizers, looks, strict=True):
        points = []
        for result in (result for result in results if result.case.base == optimizer):
            place = result.case.place_among(result.hyperparameters)
            assert place is not None, "a sweep has places"
            points.append((place, summarize(loss / unit(place) for loss in _losses(result, milestone))))
        lines.append(SweepLine(optimizer.label, look, points))
    return lines


def _losses(result: CaseResult, milestone: Milestone) -> list[float]:
    by_seed = {
        run.seed: run.milestones[milestone]
        for record in result.run_sets
        for run in record.runs
        if run.status in (Status.COMPLETED, Status.DIVERGED) and milestone in run.milestones
    }
    return list(by_seed.values())


def _table(name: str, lines: Sequence[SweepLine]) -> str:
    """A row for each place, a column for each optimizer."""
    headers = [name, *(line.label for line in lines)]
    places = list(dict.fromkeys(place for line in lines for place, _ in line.points))
    if len(lines) > 1 and any(len(line.points) != len(places) for line in lines):
        rows = [[line.label, format_value(place), _cell(summary)] for line in lines for place, summary in line.points]
        return table(["optimizer", name, "loss"], rows)
    found = [dict(line.points) for line in lines]
    return table(headers, [[format_value(place), *(_cell(points[place]) for points in found)] for place in places])


def _cell(summary: Summary) -> str:
    text = mean_and_spread(summary)
    return f"{text} ({summary.diverged} diverged)" if summary.diverged else text


def _note(lines: Sequence[SweepLine]) -> str:
    runs = {summary.count + summary.diverged for line in lines for _, summary in line.points}
    return (
        f"- Mean training loss over the last tenth before the milestone; mean ± sample standard deviation over "
        f"{' or '.join(str(number) for number in sorted(runs))} seeds, those that diverged left out."
    )
