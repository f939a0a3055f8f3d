"""The places at which curves leave the axes, so that a mark at the edge can say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["top", "bottom", "left", "right"]
_APART = 0.03  # least distance of two marks on one side, in units of the axes
_FAR = 1.0  # a value that is not on the scale, such as 0 on a log axis, counts as this far outside of the axes


@dataclass(frozen=True, slots=True)
class Exit:
    """A place at the edge of the axes where a curve leaves them; x and y are from 0 to 1."""

    x: float
    y: float
    side: Side


def exits(points: NDArray[np.float64]) -> list[Exit]:
    """Return where a curve leaves the axes, and where it starts if that is outside of them.

    Args:
        points: (K, 2), the curve's points in units of the axes: those from 0 to 1 are inside. A point that is not
            finite interrupts the curve.

    Returns:
        The exits in the order of the curve; of several that are closer than a mark is wide, the first.
    """
    found: list[Exit] = []
    before: NDArray[np.float64] | None = None
    for point in np.clip(points, -_FAR, 1 + _FAR):
        if not np.isfinite(point).all():
            before = None
            continue
        if _outside(point) and (before is None or not _outside(before)):
            place = _crossing(point if before is None else before, point)
            if not any(place.side == other.side and _distance(place, other) < _APART for other in found):
                found.append(place)
        before = point
    return found


def _outside(point: NDArray[np.float64]) -> bool:
    return bool((point < -1e-9).any() or (point > 1 + 1e-9).any())


def _crossing(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> Exit:
    """Return where the line from one point to the other meets the edge; the nearest place if both are the same."""
    nearest = np.clip(outside, 0, 1)
    step = outside - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(nearest == outside, np.inf, (nearest - inside) / step)
    axis = int(np.argmin(shares)) if step.any() else int(np.argmax(np.abs(outside - nearest)))
    x, y = np.clip(inside + shares[axis] * step, 0, 1) if step.any() else nearest
    low, high = (("left", "right"), ("bottom", "top"))[axis]
    return Exit(float(x), float(y), high if outside[axis] > 1 else low)  # type: ignore[arg-type]


def _distance(one: Exit, other: Exit) -> float:
    return max(abs(one.x - other.x), abs(one.y - other.y))
