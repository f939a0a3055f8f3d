"""When each row of a comparison came down to a loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.analysis.statistics.target import Crossing, TargetSummary, first_crossing, reaching, scoring_window
from lodo_bench.errors import UsageError
from lodo_bench.spec.outcome import Curve


@dataclass(frozen=True, slots=True)
class Targets:
    """Steps and seconds to a target.

    Attributes:
        loss: the target.
        window: over how many steps the loss is averaged.
        steps: by row.
        seconds: by row, of its timed runs; None for a row that has none.
    """

    loss: float
    window: int
    steps: tuple[TargetSummary, ...]
    seconds: tuple[TargetSummary | None, ...]


def summarize_targets(comparison: Comparison, loss: float, curve: Callable[[int, int], Curve]) -> Targets:
    """Look up in the curves when each run of a comparison first came to `loss`; one curve is in memory at a time.

    The window is that of a score at the longest step milestone of the comparison, the same for all rows.

    Args:
        comparison: the rows.
        loss: the target, a finite number.
        curve: gives the curve of a run by run set and seed.

    Raises:
        UsageError: if `loss` is not finite.
    """
    if not math.isfinite(loss):
        raise UsageError(f"a target of {loss:g} is not possible: it must be a finite number.")
    milestones = [int(milestone.value) for milestone in comparison.milestones if milestone.unit == "steps"]
    window = scoring_window(max(milestones, default=1))

    def crossings(runs: Mapping[int, int]) -> list[Crossing | None]:
        return [first_crossing(curve(run_set, seed), loss, window) for seed, run_set in runs.items()]

    steps, seconds = [], []
    for row in comparison.rows:
        found = crossings(row.curves)
        steps.append(reaching(None if c is None else c.step for c in found))
        timed = found if row.timed_curves == row.curves else crossings(row.timed_curves)
        seconds.append(reaching(None if c is None else c.seconds for c in timed) if timed else None)
    return Targets(loss, window, tuple(steps), tuple(seconds))
