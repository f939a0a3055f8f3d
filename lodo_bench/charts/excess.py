"""Losses minus the bound of their task, for a log axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lodo_bench.charts.axis_limits import AxisLimits
from lodo_bench.charts.curves import CurveBand
from lodo_bench.charts.series import PlotSeries
from lodo_bench.spec.training import LossBound

_WINDOW = 9  # successive points that show whether a difference is noise around 0


def has_excess(bound: LossBound | None) -> bool:
    """Return true if there is a bound other than 0, which the loss itself is the difference to."""
    return bound is not None and bound.loss != 0


def above_bound(lines: Sequence[PlotSeries], bound: LossBound) -> list[PlotSeries]:
    """Return the curves minus the bound; noise makes some of their values 0 or negative, which they stay."""
    return [replace(line, band=_minus(line.band, bound.loss)) for line in lines]


def excess_limits(lines: Sequence[PlotSeries], limits: AxisLimits, bound: LossBound) -> AxisLimits:
    """Return limits for differences that show what the limits of the losses show.

    Values that are 0 or less, and those so small that noise explains them, are below the axis. The floor is the least
    difference that is not noise: of `_WINDOW` successive points of a curve, the least if all are positive, else the
    median of their sizes.

    Args:
        lines: the differences, as `above_bound` returns them.
        limits: the limits of the losses.
        bound: the bound that was subtracted.
    """
    sizes = [size for line in lines for size in (_least_size(line.band.middle),) if size is not None]
    if not sizes:
        return AxisLimits(np.array([]), None, tuple(None for _ in limits.peaks))
    values = limits.values - bound.loss
    rounding = np.finfo(np.float64).eps * abs(bound.loss)
    floor = max(min(sizes), rounding)
    return AxisLimits(
        values=np.append(values[values > floor], floor),
        ceiling=None if limits.ceiling is None else limits.ceiling - bound.loss,
        peaks=tuple(None if peak is None else peak - bound.loss for peak in limits.peaks),
        floor=floor,
    )


def _minus(band: CurveBand, loss: float) -> CurveBand:
    return replace(
        band,
        middle=band.middle - loss,
        low=band.low - loss,
        high=band.high - loss,
        ends=tuple((x, y - loss) for x, y in band.ends),
    )


def _least_size(values: NDArray[np.float64]) -> float | None:
    """Return the least difference of a curve that is not noise; None if no value is positive."""
    if not (values > 0).any():
        return None
    windows = sliding_window_view(values, min(_WINDOW, len(values)))
    least = windows.min(axis=1)
    sizes = np.where(least > 0, least, np.median(np.abs(windows), axis=1))
    return float(sizes[sizes > 0].min(initial=values.max()))
