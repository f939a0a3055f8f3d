"""Steps and seconds that the rows of a comparison took to a target loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.statistics.target import Crossing, TargetSummary, first_crossing, reaching
from lodo_bench.errors import UsageError
from lodo_bench.spec.milestone import scored_window
from lodo_bench.spec.outcome import Curve


@dataclass(frozen=True, slots=True)
class Targets:
    """Steps and seconds to a target loss.

    Attributes:
        loss: the target.
        window: number of steps that the loss is averaged over.
        steps: by row.
        seconds: by row, of its timed runs; None for a row that has none.
        is_criterion: True if a run that reached the target has solved the task (`Task.solved_below`).
    """

    loss: float
    window: int
    steps: tuple[TargetSummary, ...]
    seconds: tuple[TargetSummary | None, ...]
    is_criterion: bool = False


def summarize_targets(
    comparison: Comparison, loss: float, curve: Callable[[int, int], Curve], *, is_criterion: bool = False
) -> Targets:
    """Find the first step and second at which each run of a comparison reached `loss`; reads one curve at a time.

    The window is that of a score at the longest step milestone of the comparison, the same for all rows.

    Args:
        comparison: the rows.
        loss: the target, a finite number.
        curve: returns the curve of a run by run set and seed.
        is_criterion: whether the task counts as solved at this loss.

    Raises:
        UsageError: if `loss` is not finite.
    """
    if not math.isfinite(loss):
        raise UsageError(f"invalid target {loss:g}: must be a finite number.")
    milestones = [int(milestone.value) for milestone in comparison.milestones if milestone.unit == "steps"]
    first, last = scored_window(max(milestones, default=1))

    def crossings(runs: Mapping[int, int]) -> list[Crossing | None]:
        return [first_crossing(curve(run_set, seed), loss, last - first) for seed, run_set in runs.items()]

    steps, seconds = [], []
    for row in comparison.rows:
        found = crossings(row.curves)
        steps.append(reaching(None if c is None else c.step for c in found))
        timed = found if row.timed_curves == row.curves else crossings(row.timed_curves)
        seconds.append(reaching(None if c is None else c.seconds for c in timed) if timed else None)
    return Targets(loss, last - first, tuple(steps), tuple(seconds), is_criterion)
