"""The score of a run or an individual: the mean training loss of the last tenth (LODO §5, App. E)."""

from __future__ import annotations

import math

import numpy as np

from lodo_bench.spec.curve_blocks import EXACT_STEPS
from lodo_bench.spec.milestone import Milestone, scored_window
from lodo_bench.spec.outcome import Curve, Status


def milestone_loss(curve: Curve, milestone: Milestone) -> float | None:
    """Return the mean loss over the last 10 % of the steps or seconds before `milestone`.

    For a milestone in steps, see `scored_window`. For one of T seconds, the window holds the steps that end in
    (0.9 T, T] by the training clock, which is read every few steps and interpolated between readings; at least one.

    In a curve with blocks of steps, those at the ends of the window count with the share of their steps that is in it;
    their other steps are at most 0.02 % of the window.

    Returns:
        The mean (not finite if a loss in the window is not), or None if the run did not reach the milestone.
    """
    if milestone.unit == "steps":
        total = int(milestone.value)
        if curve.steps < total:
            return None
        first, last = scored_window(total)
    else:
        if curve.seconds < milestone.value:
            return None
        last = _steps_ended_by(curve, milestone.value)
        first = min(_steps_ended_by(curve, 0.9 * milestone.value), last - 1)
    if first < 0 or last > curve.steps:
        return None
    return _mean(curve, first, last)


def run_loss(curve: Curve, status: Status, milestone: Milestone) -> float | None:
    """Return the score of a run: NaN if it diverged before `milestone`, None if it did not reach it otherwise."""
    loss = milestone_loss(curve, milestone)
    return math.nan if loss is None and status is Status.DIVERGED else loss


def _mean(curve: Curve, first: int, last: int) -> float:
    """Return the mean of the losses [first, last), counted in steps from 0."""
    if curve.block_ends is None or last <= EXACT_STEPS:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.mean(curve.losses[first:last]))
    begin, end = np.searchsorted(curve.block_ends, [first + 1, last])
    ends = np.minimum(curve.block_ends[begin : end + 1], last)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.average(curve.losses[begin : end + 1], weights=np.diff(ends, prepend=first)))


def _steps_ended_by(curve: Curve, seconds: float) -> int:
    return int(np.floor(np.interp(seconds, curve.clock_seconds, curve.clock_steps)))
