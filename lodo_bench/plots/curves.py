"""Learning curves and metrics by steps or training time, in panels side by side (LODO Fig. 2, 4, 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lodo_bench.charts.axis_limits import off_scale_note
from lodo_bench.charts.captions import curves_caption
from lodo_bench.charts.rows import X_LABELS, ChartRow, XAxis
from lodo_bench.charts.series import PlotSeries
from lodo_bench.charts.visible import invisible_note, is_visible
from lodo_bench.plots.marks import OFF_SCALE, mark_exits
from lodo_bench.plots.style import (
    CROSS,
    INK,
    caption,
    figure,
    fit_y,
    headline,
    house_style,
    legend,
    line_arguments,
    scale_axis,
)

_MARKERS_PER_LINE = 9
_BAND_ALPHA = 0.15


def curve_figure(title: str, rows: Sequence[ChartRow], x_labels: Mapping[XAxis, str] = X_LABELS) -> Figure:
    """Draw medians, bands from the lowest to the highest run, and ✕ where a run diverged.

    Axes are logarithmic where the values allow it. A curve that explodes is clipped at the top, and the legend says so;
    triangles at the edge mark where a curve leaves the axes.

    Args:
        title: the title.
        rows: at least one row, all with charts over the same x axes.
        x_labels: the label of each x axis.
    """
    with house_style():
        drawn, panels = figure(len(rows[0].charts), len(rows), width=4.3, height=3.2, share=True)
        headline(drawn, title)
        for axes, chart in zip(panels[-1], rows[0].charts, strict=True):
            axes.set_xlabel(x_labels[chart.x])
        marked = [_draw_row(row, content) for row, content in zip(panels, rows, strict=True)]
        legend(drawn, list(_entries(rows, any(marked))))
        caption(drawn, caption_of(rows))
    return drawn


def caption_of(rows: Sequence[ChartRow]) -> str:
    """Return the caption of the figure of these rows."""
    return " ".join([curves_caption(rows[0].lines), *(row.note for row in rows if row.note)])


_BOUND: dict[str, Any] = {"color": "#777777", "linewidth": 1.0, "linestyle": (0, (2, 2))}


def _entries(rows: Sequence[ChartRow], has_exits: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of the legend; the first row says which curves are clipped."""
    lines = [line for row in rows for line in row.lines]
    peaks: dict[str, float] = {}
    for line, peak in zip(rows[0].lines, rows[0].limits.peaks, strict=True):
        if peak is not None:
            peaks[line.label] = max(peak, peaks.get(line.label, peak))
    shown = {line.label for line in lines if is_visible(line)}
    for label, style in {line.label: line.line_style for line in lines}.items():
        text = label if label in shown else invisible_note(label)
        yield off_scale_note(label, peaks[label], ":\n") if label in peaks else text, line_arguments(style)
    if any(line.band.runs > 1 for line in lines):
        yield "lowest to highest run", {"color": INK, "alpha": _BAND_ALPHA, "linewidth": 8}
    if any(line.band.ends for line in lines):
        yield "a run diverged", CROSS | {"color": INK}
    if has_exits:
        yield OFF_SCALE
    if bound := next((row.bound for row in rows if row.bound), None):
        yield f"{bound.name} (bound)", _BOUND


def _draw_row(row: Sequence[Axes], content: ChartRow) -> bool:
    """Draw a row of panels; return true if a curve leaves the axes."""
    row[0].set_ylabel(content.quantity)
    values = content.limits.values
    fit_y(row[0], np.append(values, content.bound.loss) if content.bound else values)
    for axes, chart in zip(row, content.charts, strict=True):
        scale_axis(axes, "x", np.concatenate([np.array([]), *(line.band.x for line in chart.lines)]))
        if content.bound is not None:
            axes.axhline(content.bound.loss, **_BOUND, zorder=1)
        for index, line in enumerate(chart.lines):
            _draw_line(axes, line, index, len(chart.lines), content.limits.floor)
        _draw_ends(axes, chart.lines)
    charts = zip(row, content.charts, strict=True)
    marked = [_mark(axes, line) for axes, chart in charts for line in chart.lines]
    return any(marked)


def _draw_ends(axes: Axes, lines: Sequence[PlotSeries]) -> None:
    """Draw a cross where each run diverged, on the edge if that is outside of the axes."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for line in lines:
        ends = [(x, y) for x, y in line.band.ends if np.isfinite(y)]
        if not ends:
            continue
        xs, ys = np.array(ends).T
        cross = CROSS | {"color": line.line_style.color.light, "clip_on": False, "zorder": 4}
        axes.plot(np.clip(xs, left, right), np.clip(ys, low, high), **cross)
    axes.set(xlim=(left, right), ylim=(low, high))


def _draw_line(axes: Axes, line: PlotSeries, index: int, lines: int, floor: float | None) -> None:
    band, count = line.band, len(line.band.x)
    if not count:
        return
    axes.fill_between(band.x, band.low, band.high, color=line.line_style.color.light, alpha=_BAND_ALPHA, linewidth=0)
    spacing = max(1, count // _MARKERS_PER_LINE)
    first = min(spacing * index // lines, count - 1)  # staggered, so that no marker hides another
    # A gap where the line is below the axis: a log axis would draw its noise as vertical lines.
    hidden = band.middle < floor if floor is not None and axes.get_yscale() == "log" else False
    middle = np.where(hidden, np.nan, band.middle)
    axes.plot(band.x, middle, **line_arguments(line.line_style), markevery=(first, spacing))


def _mark(axes: Axes, line: PlotSeries) -> bool:
    """Mark where a line leaves the axes, or, with open triangles, where only its band does."""
    band, color = line.band, line.line_style.color.light
    if mark_exits(axes, np.column_stack([band.x, band.middle]), color):
        return True
    edges = [np.column_stack([band.x, edge]) for edge in (band.high, band.low)] if band.runs > 1 else []
    marked = [mark_exits(axes, edge, color, filled=False) for edge in edges]
    return any(marked)
