"""Marks at the edges of the axes, for what is outside of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.markers import CARETDOWN, CARETLEFT, CARETRIGHT, CARETUP
from numpy.typing import ArrayLike, NDArray

from lodo_bench.charts.off_scale import Exit, Side, exits
from lodo_bench.plots.style import INK

# The triangles lie within the axes, with their tips at the edge.
_MARKERS: Mapping[Side, int] = {"top": CARETUP, "bottom": CARETDOWN, "left": CARETLEFT, "right": CARETRIGHT}
_STYLE: dict[str, Any] = {"markersize": 5, "linestyle": "none", "markeredgewidth": 0.9, "clip_on": False, "zorder": 6}
OFF_SCALE: tuple[str, dict[str, Any]] = ("outside of the axes", {**_STYLE, "marker": "^", "color": INK})


def mark_exits(axes: Axes, points: ArrayLike, color: str, *, filled: bool = True) -> bool:
    """Mark where a curve leaves the axes, whose limits must be final.

    Args:
        axes: the axes.
        points: (K, 2), the curve.
        color: color of the marks.
        filled: draw open triangles if false.

    Returns:
        True if there is a mark.
    """
    found = exits(_in_axes(axes, np.asarray(points, dtype=np.float64)))
    _draw(axes, found, color, filled)
    return bool(found)


def mark_outside(axes: Axes, points: ArrayLike, color: str) -> bool:
    """Mark each point that is outside of the axes on the nearest edge; return true if there is any."""
    found = [place for point in _in_axes(axes, np.asarray(points, dtype=np.float64)) for place in exits(point[None])]
    _draw(axes, found, color, True)
    return bool(found)


def _in_axes(axes: Axes, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points in units of the axes; what a log or logit scale cannot show is far outside."""
    axes.get_xlim(), axes.get_ylim()  # settles limits that are still automatic
    with np.errstate(all="ignore"):
        placed: NDArray[np.float64] = (axes.transData - axes.transAxes).transform(points.reshape(-1, 2))
    return placed


def _draw(axes: Axes, places: Sequence[Exit], color: str, filled: bool) -> None:
    for side, marker in _MARKERS.items():
        if own := [place for place in places if place.side == side]:
            fill = color if filled else "white"
            axes.plot(
                [place.x for place in own],
                [place.y for place in own],
                **_STYLE,
                marker=marker,
                color=color,
                markerfacecolor=fill,
                transform=axes.transAxes,
            )
