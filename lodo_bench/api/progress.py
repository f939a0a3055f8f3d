"""Progress reporters for tuning and running."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from typing_extensions import override

from lodo_bench.experiments.run import ProgressReporter
from lodo_bench.runs.execute import RunCallback
from lodo_bench.spec.run_set import RunRecord, RunSetSpec
from lodo_bench.training.session import Progress
from lodo_bench.tuner.coordinator import ProgressCallback, SearchActivity
from lodo_bench.tuner.study import StudyProgress

__all__ = ["ProgressReporter", "SilentReporter"]


class SilentReporter(ProgressReporter):
    """A reporter that shows nothing; override what you want to see."""

    @override
    def tuning(self) -> AbstractContextManager[ProgressCallback]:
        return nullcontext(self)

    @override
    def running(self, spec: RunSetSpec) -> AbstractContextManager[RunCallback]:
        return nullcontext(self)

    @override
    def notice(self, message: str) -> None: ...

    @override
    def planned(self, specs: Sequence[RunSetSpec]) -> None: ...

    def start(self, run: str, count: int, left: int) -> None:
        """Do nothing when a run begins."""

    def progress(self, progress: Progress | StudyProgress) -> None:
        """Do nothing when a run or a study has progressed."""

    def activity(self, activity: SearchActivity) -> None:
        """Do nothing when the workers of a search report what they are doing."""

    def ended(self, run: RunRecord) -> None:
        """Do nothing when a run has finished."""
