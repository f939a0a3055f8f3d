"""Learning curves and metrics: courses by steps or seconds, panel beside panel (LODO Fig. 2, 4, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lodo_bench.results.drawn import Drawn
from lodo_bench.results.plots.style import CROSS, INK, drawing, figure, house_style, legend, literal, scale_axis
from lodo_bench.spec import Bound

_MARKS = 9
_FAINTLY = 0.15


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes: what is on them and what they are called. `bound` is drawn across."""

    x_label: str
    y_label: str
    lines: Sequence[Drawn]
    bound: Bound | None = None


def course_figure(title: str, panels: Sequence[Panel]) -> Figure:
    """Panels side by side: for each line its median, a band from the lowest to the highest run, ✕ where one diverged.

    Both axes are logarithmic where the values allow it.
    """
    with house_style():
        made, (row,) = figure(len(panels), 1, width=4.3, height=3.4)
        made.suptitle(literal(title), x=0.01, ha="left")
        for axes, panel in zip(row, panels, strict=True):
            _draw(axes, panel)
        looks = {line.label: line.look for panel in panels for line in panel.lines}
        entries = [(label, drawing(look)) for label, look in looks.items()]
        if any(line.course.runs > 1 for panel in panels for line in panel.lines):
            entries.append(("lowest to highest run", {"color": INK, "alpha": _FAINTLY, "linewidth": 8}))
        if any(line.course.ends for panel in panels for line in panel.lines):
            entries.append(("a run diverged", CROSS | {"color": INK}))
        if bound := next((panel.bound for panel in panels if panel.bound), None):
            entries.append((f"{bound.name} (bound)", _BOUND))
        legend(made, entries)
    return made


_BOUND: dict[str, Any] = {"color": "#777777", "linewidth": 1.0, "linestyle": (0, (2, 2))}


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    courses = [line.course for line in panel.lines]
    if courses:
        framing = np.concatenate([course.framing for course in courses])
        heights = framing if len(framing) else np.concatenate([course.extent for course in courses])
        scale_axis(axes, "y", np.append(heights, panel.bound.loss) if panel.bound else heights)
        scale_axis(axes, "x", np.concatenate([course.x for course in courses]))
    if panel.bound is not None:
        axes.axhline(panel.bound.loss, **_BOUND, zorder=1)
    for index, line in enumerate(panel.lines):
        _draw_line(axes, line, index, len(panel.lines))
    _draw_ends(axes, panel)


def _draw_ends(axes: Axes, panel: Panel) -> None:
    """Crosses where runs diverged; those outside of the axes' limits stand on the edge."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for line in panel.lines:
        places = [(x, y) for x, y in line.course.ends if np.isfinite(y)]
        if not places:
            continue
        xs, ys = np.array(places).T
        how = CROSS | {"color": line.look.colour.light, "clip_on": False, "zorder": 4}
        axes.plot(np.clip(xs, left, right), np.clip(ys, low, high), **how)
    axes.set(xlim=(left, right), ylim=(low, high))


def _draw_line(axes: Axes, line: Drawn, index: int, lines: int) -> None:
    course, count = line.course, len(line.course.x)
    if not count:
        return
    axes.fill_between(course.x, course.low, course.high, color=line.look.colour.light, alpha=_FAINTLY, linewidth=0)
    apart = max(1, count // _MARKS)
    # Markers of different lines stand at different places, so that none hides another.
    first = min(apart * index // lines, count - 1)
    axes.plot(course.x, course.middle, **drawing(line.look), markevery=(first, apart))
