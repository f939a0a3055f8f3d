"""Learning curves and metrics: courses by steps or seconds, panel beside panel (LODO Fig. 2, 4, 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lodo_bench.charts.axis_limits import BOUNDS, axis_limits, off_scale_note
from lodo_bench.charts.series import PlotSeries
from lodo_bench.plots.style import CROSS, INK, drawing, figure, house_style, legend, literal, scale_axis
from lodo_bench.spec.training import LossBound

_MARKS = 9
_FAINTLY = 0.15


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes: what is on them and what they are called.

    Attributes:
        bound: drawn across.
        whole: whether lines that grow beyond bounds are in the picture, too: where it is about their growth.
    """

    x_label: str
    y_label: str
    lines: Sequence[PlotSeries]
    bound: LossBound | None = None
    whole: bool = False


def curve_figure(title: str, panels: Sequence[Panel]) -> Figure:
    """Panels side by side: for each line its median, a band from the lowest to the highest run, ✕ where one diverged.

    Both axes are logarithmic where the values allow it. A line that grows beyond bounds leaves the picture at the top,
    and the legend says so.
    """
    with house_style():
        made, (row,) = figure(len(panels), 1, width=4.3, height=3.4)
        made.suptitle(literal(title), x=0.01, ha="left")
        peaks: dict[str, float] = {}
        for axes, panel in zip(row, panels, strict=True):
            for label, peak in _draw(axes, panel).items():
                peaks[label] = max(peak, peaks.get(label, peak))
        looks = {line.label: line.line_style for panel in panels for line in panel.lines}
        entries = [
            (off_scale_note(label, peaks[label], ":\n") if label in peaks else label, drawing(look))
            for label, look in looks.items()
        ]
        if any(line.course.runs > 1 for panel in panels for line in panel.lines):
            entries.append(("lowest to highest run", {"color": INK, "alpha": _FAINTLY, "linewidth": 8}))
        if any(line.course.ends for panel in panels for line in panel.lines):
            entries.append(("a run diverged", CROSS | {"color": INK}))
        if bound := next((panel.bound for panel in panels if panel.bound), None):
            entries.append((f"{bound.name} (bound)", _BOUND))
        legend(made, entries)
    return made


_BOUND: dict[str, Any] = {"color": "#777777", "linewidth": 1.0, "linestyle": (0, (2, 2))}


def _draw(axes: Axes, panel: Panel) -> dict[str, float]:
    """Draw a panel; the highest values of the lines that leave it, by their labels."""
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    courses = [line.course for line in panel.lines]
    framed = axis_limits(courses, math.inf if panel.whole else BOUNDS)
    if courses:
        _scale_heights(axes, np.append(framed.heights, panel.bound.loss) if panel.bound else framed.heights)
        scale_axis(axes, "x", np.concatenate([course.x for course in courses]))
    if panel.bound is not None:
        axes.axhline(panel.bound.loss, **_BOUND, zorder=1)
    for index, line in enumerate(panel.lines):
        _draw_line(axes, line, index, len(panel.lines))
    _draw_ends(axes, panel)
    return {line.label: peak for line, peak in zip(panel.lines, framed.peaks, strict=True) if peak is not None}


def _scale_heights(axes: Axes, heights: NDArray[np.float64]) -> None:
    """Limits for these values alone, on a linear axis, too, which would else make room for all that is drawn."""
    scale_axis(axes, "y", heights)
    low, high = float(heights.min(initial=np.inf)), float(heights.max(initial=-np.inf))
    if axes.get_yscale() == "linear" and low < high and math.isfinite(high - low):
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)


def _draw_ends(axes: Axes, panel: Panel) -> None:
    """Crosses where runs diverged; those outside of the axes' limits stand on the edge."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for line in panel.lines:
        places = [(x, y) for x, y in line.course.ends if np.isfinite(y)]
        if not places:
            continue
        xs, ys = np.array(places).T
        how = CROSS | {"color": line.line_style.color.light, "clip_on": False, "zorder": 4}
        axes.plot(np.clip(xs, left, right), np.clip(ys, low, high), **how)
    axes.set(xlim=(left, right), ylim=(low, high))


def _draw_line(axes: Axes, line: PlotSeries, index: int, lines: int) -> None:
    course, count = line.course, len(line.course.x)
    if not count:
        return
    axes.fill_between(course.x, course.low, course.high, color=line.line_style.color.light, alpha=_FAINTLY, linewidth=0)
    apart = max(1, count // _MARKS)
    # Markers of different lines stand at different places, so that none hides another.
    first = min(apart * index // lines, count - 1)
    axes.plot(course.x, course.middle, **drawing(line.line_style), markevery=(first, apart))
