"""Steps and seconds to a target loss."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics.summary import Summary, summarize
from lodo_bench.spec.curve_blocks import EXACT_STEPS, block_size
from lodo_bench.spec.outcome import Curve


@dataclass(frozen=True, slots=True)
class Crossing:
    """The first time that a run's mean loss was at most a target.

    Attributes:
        step: after how many steps, counted from 1.
        seconds: what the run's clock showed then.
    """

    step: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """The steps or seconds of several runs to a target.

    Attributes:
        reached: of those that reached it.
        missed: number of those that did not.
        median: over all runs, with a miss as larger than any number; infinite if it is a miss, NaN without runs.
    """

    reached: Summary
    missed: int
    median: float


def first_crossing(curve: Curve, target: float, window: int) -> Crossing | None:
    """Return the first step t at which the mean of the losses t − window + 1, ..., t is at most `target`.

    A mean, as single losses of fresh batches fall below a target by luck long before their mean does; and over as many
    losses as a score at the milestone is, so that whoever scores at most the target at the milestone has reached it.
    The price is that nothing is reached before the first full window, and the mean lags by half a window.

    Where steps share the mean of a block, t is the end of a block, and the window is as many whole blocks of its length
    as hold `window` losses.

    Args:
        curve: losses that are not finite end it.
        target: the loss to reach.
        window: how many losses are averaged (>= 1).

    Returns:
        None if there is no such step.
    """
    for losses, size, begin in _grids(curve):
        count = -(-window // size)
        means = _running_means(losses, count)[max(begin // size - count + 1, 0) :]
        below = np.flatnonzero(means <= target)
        if below.size:
            step = (int(below[0]) + max(begin // size + 1, count)) * size
            return Crossing(step, float(np.interp(step, curve.clock_steps, curve.clock_seconds)))
    return None


def reaching(found: Iterable[float | None]) -> TargetSummary:
    """Summarize the steps or seconds of several runs; None for a miss."""
    everything = list(found)
    reached = [value for value in everything if value is not None]
    ranked = [math.inf if value is None else value for value in everything]
    middle = float(median(ranked)) if ranked else math.nan
    return TargetSummary(summarize(reached), len(everything) - len(reached), middle)


def _grids(curve: Curve) -> Iterator[tuple[NDArray[np.float64], int, int]]:
    """Yield losses in blocks of one size from the first step on, the size, and the steps in former grids.

    The first grid has the losses that steps do not share; each of the others reaches as far as the blocks of its size.
    """
    if curve.block_ends is None:
        yield curve.losses, 1, 0
        return
    losses, size, begin = curve.losses[:EXACT_STEPS], 1, 0
    yield losses, size, begin
    begin = done = EXACT_STEPS
    with np.errstate(over="ignore", invalid="ignore"):
        while begin < curve.steps:
            former, size = size, block_size(begin)
            whole = losses.reshape(-1, size // former).mean(axis=1)
            count = min(begin, curve.steps - begin) // size  # without an incomplete block
            losses = np.concatenate([whole, curve.losses[done : done + count]])
            yield losses, size, begin
            begin, done = 2 * begin, done + count


def _running_means(losses: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the means of every `window` consecutive losses, up to the first non-finite one; (T − window + 1,)."""
    broken = np.flatnonzero(~np.isfinite(losses))
    finite = losses[: broken[0]] if broken.size else losses
    if len(finite) < window:
        return np.empty(0)
    # Sums of whole blocks of a window, forwards and backwards: unlike differences of one long sum, they do not lose
    # small losses beside the large ones long before.
    padded = np.concatenate([finite, np.zeros(-len(finite) % window)]).reshape(-1, window)
    heads = np.cumsum(padded, axis=1).ravel()
    tails = np.cumsum(padded[:, ::-1], axis=1)[:, ::-1].ravel()
    first = np.arange(len(finite) - window + 1)
    last = first + window - 1
    sums = tails[first] + np.where(first % window == 0, 0.0, heads[last])
    return np.asarray(sums / window)
