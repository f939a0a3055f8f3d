"""A score against what was swept: an option of the task or the optimizer, or a hyperparameter (LODO Fig. 5, 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lodo_bench.analysis.statistics import Summary
from lodo_bench.charts.sweeps import SweepLine
from lodo_bench.plots.style import CROSS, INK, drawing, figure, house_style, legend, literal, scale_axis
from lodo_bench.spec.options import Value, format_value


def sweep_figure(title: str, x_label: str, y_label: str, lines: Sequence[SweepLine]) -> Figure:
    """Means with bars of one sample standard deviation; ✕ on the upper edge where every run diverged.

    Numbers are on a linear axis, or a logarithmic one where they span more than a factor of 20; words stand side by
    side.
    """
    with house_style():
        made, ((axes,),) = figure(1, 1, width=5.0, height=3.6)
        made.suptitle(literal(title), x=0.01, ha="left")
        axes.set(xlabel=literal(x_label), ylabel=literal(y_label))
        places = _places(axes, [value for line in lines for value, _ in line.points])
        ends = [end for line in lines for _, summary in line.points for end in _ends(summary)]
        scale_axis(axes, "y", ends)
        for line in lines:
            _draw(axes, line, places)
        entries = [(line.label, drawing(line.line_style)) for line in lines]
        if any(summary.diverged for line in lines for _, summary in line.points):
            entries.append(("all runs diverged", CROSS | {"color": INK}))
            entries.append(("some runs diverged, and are left out", _RING | {"color": INK}))
        legend(made, entries)
    return made


_RING: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "linestyle": "none"}


def _places(axes: Axes, values: Sequence[Value]) -> dict[Value, float]:
    """Where each value stands on the x axis, which is scaled for them."""
    numbers = [float(value) for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        words = list(dict.fromkeys(values))
        axes.set_xticks(range(len(words)), [literal(format_value(word)) for word in words])
        return {word: float(place) for place, word in enumerate(words)}
    positive = [number for number in numbers if number > 0]
    if len(positive) == len(numbers) and positive and max(positive) > 20 * min(positive):
        scale_axis(axes, "x", positive)
    return {value: float(value) for value in values}


def _ends(summary: Summary) -> list[float]:
    """The mean, and both ends of its bar where they are above 0 or the mean is not."""
    spread = 0.0 if math.isnan(summary.std) else summary.std
    low = summary.mean - spread
    return [summary.mean, summary.mean + spread, *([low] if low > 0 or summary.mean <= 0 else [])]


def _draw(axes: Axes, line: SweepLine, places: dict[Value, float]) -> None:
    fine = [(places[value], summary) for value, summary in line.points if summary.count]
    xs, means = [x for x, _ in fine], [summary.mean for _, summary in fine]
    bars = [0.0 if math.isnan(summary.std) else summary.std for _, summary in fine]
    axes.errorbar(xs, means, yerr=bars, capsize=2.5, elinewidth=1.0, **drawing(line.line_style))
    color = line.line_style.color.light
    some = [(x, summary.mean) for x, summary in fine if summary.diverged]
    axes.plot([x for x, _ in some], [y for _, y in some], color=color, **_RING)
    gone = [places[value] for value, summary in line.points if not summary.count]
    if gone:
        axes.plot(gone, [1.0] * len(gone), transform=axes.get_xaxis_transform(), clip_on=False, color=color, **CROSS)
