"""Steps and seconds that the rows of a comparison took to a target loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.comparison import Comparison, RunKey
from lodo_bench.analysis.milestone_scores import CurveOf
from lodo_bench.analysis.statistics.target import Crossing, TargetSummary, first_crossing, reaching
from lodo_bench.errors import UsageError
from lodo_bench.spec.milestone import scored_window
from lodo_bench.spec.run_set import RunSetRecord

WindowOf = Callable[[int], int]
"""The number of losses that are averaged in the runs of a run set, by its number."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Steps and seconds to a target loss.

    Attributes:
        loss: the target.
        windows: by row, the numbers of losses that are averaged in its runs, each once, in rising order.
        steps: by row.
        seconds: by row, of its timed runs; None for a row that has none.
        is_criterion: True if a run that reached the target has solved the task (`Task.solved_below`).
    """

    loss: float
    windows: tuple[tuple[int, ...], ...]
    steps: tuple[TargetSummary, ...]
    seconds: tuple[TargetSummary | None, ...]
    is_criterion: bool = False

    @property
    def window(self) -> int | None:
        """The number of losses that are averaged, if it is the same in all runs."""
        found = {window for row in self.windows for window in row}
        return found.pop() if len(found) == 1 else None


def check_window(window: int) -> None:
    """Check the number of losses that are averaged.

    Raises:
        UsageError: if it is less than 1.
    """
    if window < 1:
        raise UsageError(f"invalid window {window}: must be 1 or greater.")


def own_windows(run_sets: Iterable[RunSetRecord]) -> WindowOf:
    """Return the window of each run set: that of a score at its own step milestone, whatever else is stored."""
    windows = {}
    for run_set in run_sets:
        first, last = scored_window(run_set.spec.steps)
        windows[run_set.id] = last - first
    return windows.__getitem__


def summarize_targets(
    comparison: Comparison,
    loss: float,
    curve: CurveOf,
    window: WindowOf,
    *,
    is_criterion: bool = False,
) -> Targets:
    """Find the first step and second at which each run of a comparison reached `loss`; reads one curve at a time.

    Args:
        comparison: the rows.
        loss: the target, a finite number.
        curve: returns the curve of a run. One that is damaged has neither reached the target nor missed it.
        window: returns the number of losses to average, such as `own_windows` does.
        is_criterion: whether the task counts as solved at this loss.

    Raises:
        UsageError: if `loss` is not finite.
    """
    if not math.isfinite(loss):
        raise UsageError(f"invalid target {loss:g}: must be a finite number.")

    def crossings(runs: Sequence[RunKey]) -> list[Crossing | None]:
        curves = ((curve(*run), window(run.run_set)) for run in runs)
        return [first_crossing(found, loss, width) for found, width in curves if found is not None]

    windows, steps, seconds = [], [], []
    for row in comparison.rows:
        found = crossings(row.curves)
        steps.append(reaching(None if c is None else c.step for c in found))
        timed = found if row.timed_curves == row.curves else crossings(row.timed_curves)
        seconds.append(reaching(None if c is None else c.seconds for c in timed) if timed else None)
        windows.append(tuple(sorted({window(run.run_set) for run in (*row.curves, *row.timed_curves)})))
    return Targets(loss, tuple(windows), tuple(steps), tuple(seconds), is_criterion)
