"""Learning-rate schedules over the planned steps."""

from __future__ import annotations

import math


def learning_rate_factor(
    shape: str, step: int, planned_steps: int, *, warmup: float = 0.0, final_factor: float = 0.0, cooldown: float = 0.0
) -> float:
    """Return the learning rate of a step, relative to its peak.

    With t the step, T the planned steps and W = `warmup` T, the factor is the smaller of a rise and a fall::

        rise = min((t + 1) / W, 1)
        fall = 1                                    constant
               1 − (1 − f) u                        linear and wsd
               f + (1 − f) (1 + cos πu) / 2         cosine

    where f is `final_factor`, and u runs from 0 at the step W, or T − `cooldown` T for wsd, to 1 at the step T. As
    steps are counted from 0, the final factor would be that of the step after the last one, as in PyTorch; training
    that continues after T steps keeps it.

    Args:
        shape: `constant`, `linear`, `cosine` or `wsd` (warm-up, stable, decay).
        step: t, counted from 0.
        planned_steps: T, at least 1.
        warmup: fraction of the steps, in [0, 1); W need not be an integer.
        final_factor: f, in [0, 1).
        cooldown: fraction of the steps, in [0, 1).

    Returns:
        A number in [0, 1].
    """
    warm = warmup * planned_steps
    rise = min((step + 1) / warm, 1.0) if warm else 1.0
    if shape == "constant":
        return rise
    start = planned_steps * (1 - cooldown) if shape == "wsd" else warm
    span = planned_steps - start
    u = min(max((step - start) / span, 0.0), 1.0) if span > 0 else float(step >= planned_steps)
    left = (1 + math.cos(math.pi * u)) / 2 if shape == "cosine" else 1 - u
    return min(rise, final_factor + (1 - final_factor) * left)
