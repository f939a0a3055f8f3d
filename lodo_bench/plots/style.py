"""The common style of all figures, axis scaling, and saving."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Figure  # so that other rooms can name it
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

from lodo_bench.charts.line_styles import Dash, LineStyle, Marker

FORMATS = ("png", "svg", "pdf")
LARGEST_SPAN = 1e15  # largest ratio of the ends of a log axis; larger values are not visible
INK = "#333333"
CROSS: dict[str, Any] = {"marker": "x", "markersize": 6, "markeredgewidth": 1.6, "linestyle": "none"}
_CAPTION = 7.5  # points
_CHARACTERS_PER_INCH = 17  # of a caption
_GRID = "#d9d9d9"
_DASHES: Mapping[Dash, Any] = {
    "solid": "solid",
    "dashed": (0, (5, 2)),
    "dotted": (0, (1.2, 1.6)),
    "dash-dot": (0, (6, 1.8, 1.2, 1.8)),
    "dash-dot-dot": (0, (6, 1.5, 1.2, 1.5, 1.2, 1.5)),
}
_MARKERS: Mapping[Marker, str] = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "plus": "P",
    "star": "*",
}
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "figure.titlesize": 11,
    "savefig.dpi": 200,
    "svg.hashsalt": "lodo-bench",  # the same figure gives the same file
    "pdf.fonttype": 42,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Apply this project's style within the block, whatever the user's Matplotlib settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def figure(
    columns: int, rows: int, *, width: float, height: float, share: bool = False
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with `rows` × `columns` panels of `width` × `height` inches, and space for legend and caption.

    With `share`, the panels of a row have one y axis, and those of a column one x axis.
    """
    created = Figure(figsize=(width * columns + 1.9, height * rows + 0.7), layout="constrained")
    shared: Any = {"sharex": "col", "sharey": "row"} if share else {}
    panels = created.subplots(rows, columns, squeeze=False, **shared)
    return created, [list(row) for row in panels]


def save(drawn: Figure, file: BinaryIO, kind: str) -> None:
    """Write a figure in one of the `FORMATS`; the same figure gives the same bytes."""
    undated: Mapping[str, Mapping[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    with house_style():
        drawn.savefig(file, format=kind, metadata=dict(undated[kind]))


def line_arguments(style: LineStyle) -> dict[str, Any]:
    """Return a line style as arguments for Matplotlib."""
    return {
        "color": style.color.light,
        "linestyle": _DASHES[style.dash],
        "marker": _MARKERS[style.marker],
        "markersize": 5.5 if style.marker == "star" else 4,
        "linewidth": 1.5,
    }


def legend(drawn: Figure, entries: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Add a legend to the right of all panels."""
    handles = [Line2D([], [], label=literal(label), **arguments) for label, arguments in entries]
    if handles:
        drawn.legend(handles=handles, loc="outside right center")


def row_title(drawn: Figure, axes: Axes, text: str) -> None:
    """Add a title above the first panel of a row, in lines as wide as the figure."""
    axes.set_title(in_lines(drawn, text, 1.15 * _STYLE["axes.titlesize"]))  # it is bold


def headline(drawn: Figure, text: str) -> None:
    """Add a title above all panels, in lines as wide as the figure."""
    drawn.suptitle(in_lines(drawn, text, 1.05 * _STYLE["figure.titlesize"]), x=0.01, ha="left")


def caption(drawn: Figure, text: str) -> None:
    """Add a caption below all panels, in lines as wide as the figure."""
    lines = in_lines(drawn, text, _CAPTION)
    drawn.supxlabel(lines, x=0.01, ha="left", fontsize=_CAPTION, color="#666666", linespacing=1.3)


def in_lines(drawn: Figure, text: str, size: float) -> str:
    """Return a text for Matplotlib in lines that are at most as wide as the figure, in a font of this size."""
    characters = int(drawn.get_figwidth() * _CHARACTERS_PER_INCH * _CAPTION / size)
    return literal("\n".join(textwrap.wrap(text, characters)))


def literal(text: str) -> str:
    """Escape text for Matplotlib: a dollar sign would start a formula."""
    return text.replace("$", r"\$")


def scale_axis(axes: Axes, which: Literal["x", "y"], values: ArrayLike) -> None:
    """Scale an axis to these values: logarithmic if they are nonnegative and differ by more than 50 %, else linear.

    A logarithmic axis spans the positive values; zeros are drawn at its lower end. Its span is limited to
    `LARGEST_SPAN`.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    positive = known[known > 0]
    if not len(positive) or known.min() < 0 or positive.max() < 1.5 * positive.min():
        return
    low, high = positive.min(), min(positive.max(), positive.min() * LARGEST_SPAN)
    margin = (high / low) ** 0.04
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low / margin, high * margin)})
    _set_ticks(axes.xaxis if which == "x" else axes.yaxis, math.log10(high / low))


def fit_y(axes: Axes, values: NDArray[np.float64]) -> None:
    """Fit the y axis to these values alone; a linear axis would otherwise fit everything that is drawn."""
    scale_axis(axes, "y", values)
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if axes.get_yscale() == "linear" and low <= high and math.isfinite(high - low):
        margin = 0.05 * (high - low or abs(high)) or 1.0
        axes.set_ylim(low - margin, high + margin)


def _set_ticks(axis: Axis, decades: float) -> None:
    """Place ticks at powers of ten, and between them where these are too few."""
    if decades > 2:
        axis.set_major_locator(LogLocator(numticks=8))
        axis.set_minor_locator(LogLocator(subs="auto", numticks=50) if decades < 8 else NullLocator())
    else:
        subs = (1.0, 2.0, 5.0) if decades > 0.9 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
        axis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axis.set_minor_formatter(NullFormatter())


def tick(value: float) -> str:
    """Return a tick label: plain where that is short, else a power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:g}"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    factor = value / 10**exponent
    return f"$10^{{{exponent}}}$" if abs(factor - 1) < 1e-6 else f"${factor:.3g}·10^{{{exponent}}}$"
