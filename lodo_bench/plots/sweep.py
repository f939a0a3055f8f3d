"""The loss against a swept option or hyperparameter (LODO Fig. 5, 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lodo_bench.analysis.statistics import Summary
from lodo_bench.charts.captions import sweep_caption
from lodo_bench.charts.sweeps import SweepLine
from lodo_bench.plots.marks import OFF_SCALE, mark_outside
from lodo_bench.plots.style import (
    CROSS,
    INK,
    caption,
    figure,
    headline,
    house_style,
    legend,
    line_arguments,
    literal,
    scale_axis,
)
from lodo_bench.spec.options import Value, format_value


def sweep_figure(title: str, x_label: str, y_label: str, lines: Sequence[SweepLine]) -> Figure:
    """Draw means with error bars of one sample standard deviation, and ✕ on the upper edge where every run diverged.

    Triangles at the edge mark means and ends of error bars that are outside of the axes, such as 0 on a log axis.
    The x axis is logarithmic if the values span more than a factor of 20, categorical for text, else linear.
    """
    with house_style():
        drawn, ((axes,),) = figure(1, 1, width=5.0, height=3.6)
        headline(drawn, title)
        axes.set(xlabel=literal(x_label), ylabel=literal(y_label))
        positions = _positions(axes, [value for line in lines for value, _ in line.points])
        ends = [end for line in lines for _, summary in line.points for end in _ends(summary)]
        scale_axis(axes, "y", ends)
        for line in lines:
            _draw(axes, line, positions)
        entries = [(line.label, line_arguments(line.line_style)) for line in lines]
        if any(summary.diverged for line in lines for _, summary in line.points):
            entries.append(("all runs diverged", CROSS | {"color": INK}))
            entries.append(("some runs diverged (excluded)", _RING | {"color": INK}))
        marked = [_mark(axes, line, positions) for line in lines]
        if any(marked):
            entries.append(OFF_SCALE)
        legend(drawn, entries)
        caption(drawn, sweep_caption(lines))
    return drawn


_RING: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "linestyle": "none"}


def _positions(axes: Axes, values: Sequence[Value]) -> dict[Value, float]:
    """Scale the x axis and return the position of each value."""
    numbers = [float(value) for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        words = list(dict.fromkeys(values))
        axes.set_xticks(range(len(words)), [literal(format_value(word)) for word in words])
        return {word: float(index) for index, word in enumerate(words)}
    positive = [number for number in numbers if number > 0]
    if len(positive) == len(numbers) and positive and max(positive) > 20 * min(positive):
        scale_axis(axes, "x", positive)
    return {value: float(value) for value in values}


def _ends(summary: Summary) -> list[float]:
    """Return the mean and the ends of its error bar, without a lower end ≤ 0 below a positive mean."""
    low, high = _bar(summary)
    return [summary.mean, high, *([low] if low > 0 or summary.mean <= 0 else [])]


def _bar(summary: Summary) -> tuple[float, float]:
    spread = 0.0 if math.isnan(summary.std) else summary.std
    return summary.mean - spread, summary.mean + spread


def _mark(axes: Axes, line: SweepLine, positions: dict[Value, float]) -> bool:
    """Mark the means and the ends of error bars that are outside of the axes."""
    ends = [(positions[value], y) for value, summary in line.points if summary.count for y in _bar(summary)]
    return mark_outside(axes, ends, line.line_style.color.light)


def _draw(axes: Axes, line: SweepLine, positions: dict[Value, float]) -> None:
    finite = [(positions[value], summary) for value, summary in line.points if summary.count]
    xs, means = [x for x, _ in finite], [summary.mean for _, summary in finite]
    bars = [0.0 if math.isnan(summary.std) else summary.std for _, summary in finite]
    axes.errorbar(xs, means, yerr=bars, capsize=2.5, elinewidth=1.0, **line_arguments(line.line_style))
    color = line.line_style.color.light
    partial = [(x, summary.mean) for x, summary in finite if summary.diverged]
    axes.plot([x for x, _ in partial], [y for _, y in partial], color=color, **_RING)
    diverged = [positions[value] for value, summary in line.points if not summary.count]
    if diverged:
        axes.plot(
            diverged, [1.0] * len(diverged), transform=axes.get_xaxis_transform(), clip_on=False, color=color, **CROSS
        )
