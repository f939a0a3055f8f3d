"""Optimization trajectories over the contours of a function of two variables (LODO Fig. 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lodo_bench.charts.line_styles import LineStyle
from lodo_bench.plots.marks import OFF_SCALE, mark_exits
from lodo_bench.plots.style import INK, caption, figure, headline, house_style, legend, line_arguments, literal

Floats = NDArray[np.float64]
_GRID = 240
_LEVELS = 14
_QUANTILES = (0.01, 0.99)  # of the points of a trajectory that must be visible


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The trajectory of one run.

    Attributes:
        label, line_style: name and style.
        points: (T + 1, 2), the initial point and the point after each step; not finite after a divergence.
    """

    label: str
    line_style: LineStyle
    points: Floats


def trajectory_figure(
    title: str, runs: Sequence[Trajectory], loss: Callable[[Floats], Floats], minimizers: Floats, note: str
) -> Figure:
    """Draw each trajectory in its own panel over the same contours, from its start (open circle) to its end (filled).

    The star is the minimum; triangles at the edge mark where a trajectory leaves the panel. The minimizer that is
    closest to a start is always visible.

    Args:
        title: title of the figure.
        runs: at least one trajectory.
        loss: maps points (K, 2) to values (K,) of the function.
        minimizers: (M, 2), the function's global minimizers; (0, 2) if they are not known.
        note: the caption.
    """
    with house_style():
        columns = min(len(runs), 3)
        rows = -(-len(runs) // columns)
        drawn, panels = figure(columns, rows, width=2.8, height=2.7)
        headline(drawn, title)
        left, right, bottom, top = _limits(runs, minimizers)
        xs, ys = np.linspace(left, right, _GRID), np.linspace(bottom, top, _GRID)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        heights = loss(grid).reshape(_GRID, _GRID)
        flat = [axes for row in panels for axes in row]
        entries = [("start", _START), ("end", _END)]
        if len(minimizers):
            entries.append(("minimum", _MINIMUM))
        for axes, run in zip(flat, runs, strict=False):
            _contours(axes, xs, ys, heights)
            axes.plot(*minimizers.T, **_MINIMUM)
            known = run.points[np.isfinite(run.points).all(axis=1)]
            _draw(axes, run, known)
            axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$")
            if mark_exits(axes, known, run.line_style.color.light) and OFF_SCALE not in entries:
                entries.append(OFF_SCALE)
            axes.set_title(literal(run.label))
            axes.grid(visible=False)
        for axes in flat[len(runs) :]:
            axes.set_axis_off()
        legend(drawn, entries)
        caption(drawn, note)
    return drawn


_START: dict[str, Any] = {"marker": "o", "markersize": 6, "markerfacecolor": "white", "color": INK, "linestyle": "none"}
_END: dict[str, Any] = _START | {"markerfacecolor": INK}
_MINIMUM: dict[str, Any] = {
    "marker": "*",
    "markersize": 11,
    "markerfacecolor": "#f2c14e",
    "markeredgewidth": 0.7,
    "color": INK,
    "linestyle": "none",
    "zorder": 3,
}


def _limits(runs: Sequence[Trajectory], minimizers: Floats) -> tuple[float, float, float, float]:
    """Return left, right, bottom and top: nearly all points of the finite trajectories, and the nearest minimizer."""
    finite = [run.points for run in runs if np.isfinite(run.points).all()]
    shown = []
    for points in finite or [run.points[:2] for run in runs]:
        bulk = np.quantile(points, _QUANTILES, axis=0, method="nearest")
        shown += [bulk, points[:1], points[-1:]]
    starts = np.stack([run.points[0] for run in runs])
    distances = np.linalg.norm(minimizers[:, None] - starts, axis=-1)  # (M, runs)
    nearest = minimizers[distances.min(axis=1).argmin()][None] if len(minimizers) else minimizers
    visible = np.concatenate([*shown, nearest])
    low, high = np.nanmin(visible, axis=0), np.nanmax(visible, axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-9)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)


def _contours(axes: Axes, xs: Floats, ys: Floats, heights: Floats) -> None:
    """Draw contours of the function, evenly spaced on a log scale where it is positive."""
    positive = heights[np.isfinite(heights) & (heights > 0)]
    if len(positive) and np.nanmin(heights) >= 0 and positive.max() > 10 * positive.min():
        levels: Sequence[float] | int = np.geomspace(positive.min(), positive.max(), _LEVELS + 2)[1:-1].tolist()
    else:
        levels = _LEVELS
    axes.contour(xs, ys, heights, levels=levels, colors="#b9b9b9", linewidths=0.6, zorder=0)


def _draw(axes: Axes, run: Trajectory, known: Floats) -> None:
    style = line_arguments(run.line_style) | {"marker": ".", "markersize": 2.5, "linestyle": "solid", "linewidth": 0.9}
    axes.plot(known[:, 0], known[:, 1], **style)
    axes.plot(*known[0], **_START, zorder=4)
    axes.plot(*known[-1], **_END, zorder=4)
