"""How a run or an individual is scored: the mean training loss of the last tenth (LODO §5, App. E)."""

from __future__ import annotations

import numpy as np

from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve


def milestone_loss(curve: Curve, milestone: Milestone) -> float | None:
    """Mean loss over the last 10 % of steps or of seconds before `milestone`.

    For a milestone of T steps these are the steps t with 0.9 T < t < T, counted from 1: 181, ..., 199 of 200, as the
    paper's authors score (the step that reaches the milestone is not before it). For one of T seconds, they are the
    steps whose end the training clock puts in (0.9 T, T]; the clock is read every few steps and interpolated between
    readings. The window has at least one step.

    Returns:
        The mean (not finite if a loss in the window is not), or None if the run did not get as far as the milestone.
    """
    if milestone.unit == "steps":
        total = int(milestone.value)
        if len(curve.losses) < total:
            return None
        first = 9 * total // 10
        last = max(total - 1, first + 1)
    else:
        if curve.seconds < milestone.value:
            return None
        last = _steps_ended_by(curve, milestone.value)
        first = min(_steps_ended_by(curve, 0.9 * milestone.value), last - 1)
    if first < 0 or last > len(curve.losses):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(curve.losses[first:last]))


def _steps_ended_by(curve: Curve, seconds: float) -> int:
    return int(np.floor(np.interp(seconds, curve.clock_seconds, curve.clock_steps)))
