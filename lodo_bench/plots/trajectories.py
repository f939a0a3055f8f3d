"""Paths of optimizers over the contours of a function of two variables (LODO Fig. 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lodo_bench.charts.line_styles import LineStyle
from lodo_bench.plots.style import INK, drawing, figure, house_style, legend, literal

Floats = NDArray[np.float64]
_GRID = 240
_LEVELS = 14
_ORDINARY = (0.01, 0.99)  # the part of a path's points that must be in the picture


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One run's path.

    Attributes:
        label, look: what it is called and drawn with.
        points: (T + 1, 2), the starting point and where each step led; not finite from where the run diverged.
    """

    label: str
    line_style: LineStyle
    points: Floats


def trajectory_figure(title: str, paths: Sequence[Trajectory], loss: Callable[[Floats], Floats]) -> Figure:
    """Each path in a panel of its own, over the same contours, from its start (open circle) to its end (filled).

    Args:
        title: of the figure.
        paths: at least one.
        loss: values (K,) of the function at points (K, 2).
    """
    with house_style():
        columns = min(len(paths), 3)
        rows = -(-len(paths) // columns)
        made, panels = figure(columns, rows, width=2.8, height=2.7)
        made.suptitle(literal(title), x=0.01, ha="left")
        left, right, bottom, top = _frame(paths)
        xs, ys = np.linspace(left, right, _GRID), np.linspace(bottom, top, _GRID)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        heights = loss(grid).reshape(_GRID, _GRID)
        flat = [axes for row in panels for axes in row]
        for axes, path in zip(flat, paths, strict=False):
            _contours(axes, xs, ys, heights)
            _draw(axes, path)
            axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$")
            axes.set_title(literal(path.label))
            axes.grid(visible=False)
        for axes in flat[len(paths) :]:
            axes.set_axis_off()
        legend(made, [("start", _START), ("end", _END)])
    return made


_START: dict[str, Any] = {"marker": "o", "markersize": 6, "markerfacecolor": "white", "color": INK, "linestyle": "none"}
_END: dict[str, Any] = _START | {"markerfacecolor": INK}


def _frame(paths: Sequence[Trajectory]) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of what is shown: nearly all of every path that stays finite, every start and end."""
    steady = [path.points for path in paths if np.isfinite(path.points).all()]
    shown = []
    for points in steady or [path.points[:2] for path in paths]:
        ordinary = np.quantile(points, _ORDINARY, axis=0, method="nearest")
        shown += [ordinary, points[:1], points[-1:]]
    everything = np.concatenate(shown)
    low, high = np.nanmin(everything, axis=0), np.nanmax(everything, axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-9)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)


def _contours(axes: Axes, xs: Floats, ys: Floats, heights: Floats) -> None:
    """Contours of the function, evenly spaced on a log scale where it is positive."""
    positive = heights[np.isfinite(heights) & (heights > 0)]
    if len(positive) and np.nanmin(heights) >= 0 and positive.max() > 10 * positive.min():
        levels: Sequence[float] | int = np.geomspace(positive.min(), positive.max(), _LEVELS + 2)[1:-1].tolist()
    else:
        levels = _LEVELS
    axes.contour(xs, ys, heights, levels=levels, colors="#b9b9b9", linewidths=0.6, zorder=0)


def _draw(axes: Axes, path: Trajectory) -> None:
    known = path.points[np.isfinite(path.points).all(axis=1)]
    how = drawing(path.line_style) | {"marker": ".", "markersize": 2.5, "linestyle": "solid", "linewidth": 0.9}
    axes.plot(known[:, 0], known[:, 1], **how)
    axes.plot(*known[0], **_START, zorder=4)
    axes.plot(*known[-1], **_END, zorder=4)
