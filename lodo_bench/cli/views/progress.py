"""Progress on standard error: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from typing_extensions import override

from lodo_bench.api.progress import ProgressReporter
from lodo_bench.cli.kept import Kept
from lodo_bench.cli.output import echo_err
from lodo_bench.cli.remedies import explain
from lodo_bench.cli.views.run_progress import RunProgress
from lodo_bench.cli.views.time_left import TimeLeft
from lodo_bench.cli.views.tuning_progress import tuning_progress
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.runs.execute import RunCallback
from lodo_bench.spec.run_set import RunSetSpec
from lodo_bench.tuner.coordinator import ProgressCallback


class TerminalReporter(ProgressReporter):
    """Progress of tuning and running on standard error.

    Args:
        kept: records what is stored; None if nobody asks.

    Attributes:
        has_tuned: True as soon as a search has been started.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        self.has_tuned = False
        self._kept = Kept() if kept is None else kept
        self._time_left = TimeLeft()

    @override
    def tuning(self) -> AbstractContextManager[ProgressCallback]:
        self.has_tuned = True
        return tuning_progress(self._kept)

    @override
    def planned(self, specs: Sequence[RunSetSpec]) -> None:
        self._time_left.plan(specs)

    @override
    def running(self, spec: RunSetSpec) -> AbstractContextManager[RunCallback]:
        return RunProgress(spec, self._time_left, self._kept)

    @override
    def stored(self, spec: RunSetSpec, count: int) -> None:
        self._kept.add_runs(spec.optimizer.label, count)
        super().stored(spec, count)

    @override
    def notice(self, message: str) -> None:
        echo_err(message)

    @override
    def advise(self, message: str, remedy: Remedy, **details: object) -> None:
        echo_err(explain(UsageError(message, remedy=remedy, **details)))
