"""Sweep tables and figures (LODO Fig. 5, Table 7, Fig. 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lodo_bench.analysis.statistics import Summary
from lodo_bench.charts.captions import sweep_caption
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.sweeps import SweepLine, summarize_points
from lodo_bench.experiments.outputs.figure_section import figure_section
from lodo_bench.experiments.result import ConditionResult, ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.experiments.spec import ExperimentPart
from lodo_bench.plots.sweep import sweep_figure
from lodo_bench.report.formatting import mean_and_spread
from lodo_bench.report.markdown import table
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.options import Value, format_value

Unit = Callable[[Value], float]


def sweep(result: ExperimentResult) -> list[Section]:
    """Tabulate and plot the loss against the swept value."""
    return _sections(result, "loss", lambda _: 1.0)


def noise(result: ExperimentResult) -> list[Section]:
    """Tabulate and plot the loss divided by the noise variance σ² against σ²."""
    return _sections(result, "loss / σ²", float)


def _sections(result: ExperimentResult, quantity: str, unit: Unit) -> list[Section]:
    sections: list[Section] = []
    for part in result.experiment.parts:
        if part.sweep is None:
            continue
        name = part.sweep.over.replace("_", " ")
        milestone = Milestone("steps", max(runs.steps for runs in part.runs))
        lines = _lines(part, [each for each in result.results if each.condition.part is part], milestone, unit)
        title = f"{part.task.label}: {quantity} at {milestone.title}, by {name}"
        suffix = f"-{len(sections) + 1}" if sections else ""
        text = f"### {title}\n\n{_table(name, lines)}\n\n{_note(lines)}"
        if not any(summary.count for line in lines for _, summary in line.points):
            sections.append(Section(f"{text}\n\n*There is no figure, because every run diverged.*"))
            continue
        sections.append(
            figure_section(
                sweep_figure(title, name, quantity, lines),
                name=f"{part.sweep.over.replace('_', '-')}{suffix}",
                caption=f"{title}. {sweep_caption(lines)}",
                text=text,
            )
        )
    return sections


def _lines(
    part: ExperimentPart, results: Sequence[ConditionResult], milestone: Milestone, unit: Unit
) -> list[SweepLine]:
    styles = line_styles_of([optimizer.name for optimizer in part.optimizers])
    lines = []
    for optimizer, style in zip(part.optimizers, styles, strict=True):
        run_sets = {
            value: result.run_sets
            for result in results
            if result.condition.base == optimizer
            and (value := result.condition.sweep_value(result.hyperparameters[0])) is not None
        }
        lines.append(SweepLine(optimizer.label, style, summarize_points(run_sets, milestone, unit)))
    return lines


def _table(name: str, lines: Sequence[SweepLine]) -> str:
    """Return a row for each swept value and a column for each optimizer; a row for each pair if the values differ."""
    values = list(dict.fromkeys(value for line in lines for value, _ in line.points))
    if len(lines) > 1 and any(len(line.points) != len(values) for line in lines):
        rows = [[line.label, format_value(value), _cell(summary)] for line in lines for value, summary in line.points]
        return table(["optimizer", name, "loss"], rows)
    columns = [dict(line.points) for line in lines]
    headers = [name, *(line.label for line in lines)]
    return table(headers, [[format_value(value), *(_cell(column[value]) for column in columns)] for value in values])


def _cell(summary: Summary) -> str:
    text = mean_and_spread(summary)
    return f"{text} ({summary.diverged} diverged)" if summary.diverged else text


def _note(lines: Sequence[SweepLine]) -> str:
    runs = {summary.count + summary.diverged for line in lines for _, summary in line.points}
    return (
        f"- Mean training loss over the last tenth of the steps; mean ± sample standard deviation over "
        f"{' or '.join(str(number) for number in sorted(runs))} seeds, excluding diverged runs."
    )
