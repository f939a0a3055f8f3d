"""Charts that would be empty are errors that say why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodo_bench.charts.series import PlotSeries
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.training import TaskSpec


class EmptyChartError(UsageError):
    """A chart without a visible point; the message says why, and what to run."""


def is_visible(line: PlotSeries) -> bool:
    """Return true if the curve has a finite point."""
    return bool(np.isfinite(line.band.middle).any())


def invisible_note(label: str) -> str:
    """Return a legend entry for a curve without a visible point."""
    return f"{label}: every run diverged at once"


def visible(lines: Sequence[PlotSeries], quantity: str, task: TaskSpec) -> Sequence[PlotSeries]:
    """Return the curves of a chart, among them those without a visible point.

    Args:
        lines: the curves.
        quantity: their y value, for the message.
        task: their task, for the message.

    Raises:
        EmptyChartError: if none of them has a visible point.
    """
    if any(map(is_visible, lines)):
        return lines
    if not lines:
        raise EmptyChartError(f"no run on {task.label} is finished.", remedy=Remedy.RUN_FIRST, task=task)
    runs = ", ".join(f"{line.label} {line.band.runs} of {line.band.runs}" for line in lines)
    raise EmptyChartError(
        f"no run on {task.label} has a finite {quantity} to draw, because every run diverged at once ({runs}). Run it "
        "with other hyperparameters, such as a smaller learning rate."
    )
