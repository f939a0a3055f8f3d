"""Learning curves and metrics by steps or training time, in panels side by side (LODO Fig. 2, 4, 6)."""

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
from lodo_bench.plots.style import CROSS, INK, figure, house_style, legend, line_arguments, literal, scale_axis
from lodo_bench.spec.training import LossBound

_MARKERS_PER_LINE = 9
_BAND_ALPHA = 0.15


@dataclass(frozen=True, slots=True)
class Panel:
    """The content of one set of axes.

    Attributes:
        x_label, y_label: axis labels.
        lines: the curves.
        bound: a loss to mark by a horizontal line.
        clip: clip curves that explode; off where their growth is the subject.
    """

    x_label: str
    y_label: str
    lines: Sequence[PlotSeries]
    bound: LossBound | None = None
    clip: bool = True


def curve_figure(title: str, panels: Sequence[Panel]) -> Figure:
    """Draw panels side by side: medians, bands from the lowest to the highest run, and ✕ where a run diverged.

    Axes are logarithmic where the values allow it. A curve that explodes is clipped at the top, and the legend says so.
    """
    with house_style():
        drawn, (row,) = figure(len(panels), 1, width=4.3, height=3.4)
        drawn.suptitle(literal(title), x=0.01, ha="left")
        peaks: dict[str, float] = {}
        for axes, panel in zip(row, panels, strict=True):
            for label, peak in _draw(axes, panel).items():
                peaks[label] = max(peak, peaks.get(label, peak))
        styles = {line.label: line.line_style for panel in panels for line in panel.lines}
        entries = [
            (off_scale_note(label, peaks[label], ":\n") if label in peaks else label, line_arguments(style))
            for label, style in styles.items()
        ]
        if any(line.band.runs > 1 for panel in panels for line in panel.lines):
            entries.append(("lowest to highest run", {"color": INK, "alpha": _BAND_ALPHA, "linewidth": 8}))
        if any(line.band.ends for panel in panels for line in panel.lines):
            entries.append(("a run diverged", CROSS | {"color": INK}))
        if bound := next((panel.bound for panel in panels if panel.bound), None):
            entries.append((f"{bound.name} (bound)", _BOUND))
        legend(drawn, entries)
    return drawn


_BOUND: dict[str, Any] = {"color": "#777777", "linewidth": 1.0, "linestyle": (0, (2, 2))}


def _draw(axes: Axes, panel: Panel) -> dict[str, float]:
    """Draw a panel and return the highest values of the curves that are clipped, by their labels."""
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    bands = [line.band for line in panel.lines]
    limits = axis_limits(bands, BOUNDS if panel.clip else math.inf)
    if bands:
        _scale_y(axes, np.append(limits.values, panel.bound.loss) if panel.bound else limits.values)
        scale_axis(axes, "x", np.concatenate([band.x for band in bands]))
    if panel.bound is not None:
        axes.axhline(panel.bound.loss, **_BOUND, zorder=1)
    for index, line in enumerate(panel.lines):
        _draw_line(axes, line, index, len(panel.lines))
    _draw_ends(axes, panel)
    return {line.label: peak for line, peak in zip(panel.lines, limits.peaks, strict=True) if peak is not None}


def _scale_y(axes: Axes, values: NDArray[np.float64]) -> None:
    """Fit the y axis to these values alone; a linear axis would otherwise fit everything that is drawn."""
    scale_axis(axes, "y", values)
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if axes.get_yscale() == "linear" and low < high and math.isfinite(high - low):
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)


def _draw_ends(axes: Axes, panel: Panel) -> None:
    """Draw a cross where each run diverged, on the edge if that is outside of the axes."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for line in panel.lines:
        ends = [(x, y) for x, y in line.band.ends if np.isfinite(y)]
        if not ends:
            continue
        xs, ys = np.array(ends).T
        cross = CROSS | {"color": line.line_style.color.light, "clip_on": False, "zorder": 4}
        axes.plot(np.clip(xs, left, right), np.clip(ys, low, high), **cross)
    axes.set(xlim=(left, right), ylim=(low, high))


def _draw_line(axes: Axes, line: PlotSeries, index: int, lines: int) -> None:
    band, count = line.band, len(line.band.x)
    if not count:
        return
    axes.fill_between(band.x, band.low, band.high, color=line.line_style.color.light, alpha=_BAND_ALPHA, linewidth=0)
    spacing = max(1, count // _MARKERS_PER_LINE)
    first = min(spacing * index // lines, count - 1)  # staggered, so that no marker hides another
    axes.plot(band.x, band.middle, **line_arguments(line.line_style), markevery=(first, spacing))
