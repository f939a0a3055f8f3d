"""The interface through which results are read: one database, several together, or a selection of either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lodo_bench.results.damage import Damage
from lodo_bench.spec.outcome import Curve, MetricHistory
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import StudyRecord, StudySummary


class Results(Protocol):
    """Stored studies and run sets, by number. `task` restricts to a task's name."""

    @property
    def folder(self) -> Path | None:
        """The folder of further files; None where there is none, or more than one."""
        ...

    @property
    def damaged(self) -> Sequence[Damage]:
        """The damaged rows that were come upon and left out so far."""
        ...

    def studies(self, task: str | None = None) -> list[StudyRecord]:
        """Return studies with all of their individuals, oldest first."""
        ...

    def study_summaries(self, task: str | None = None) -> list[StudySummary]:
        """Return studies in numbers, oldest first."""
        ...

    def study_numbers(self) -> list[int]:
        """Return the numbers of studies."""
        ...

    def study(self, number: int) -> StudyRecord:
        """Return one study; an `UnknownNameError` if there is none."""
        ...

    def provenances(self, study: int) -> list[Provenance]:
        """Return the invocations of the program that evaluated individuals of a study, oldest first."""
        ...

    def weights(self, study: int) -> bytes:
        """Return the weights of a finished meta-training."""
        ...

    def run_sets(self, task: str | None = None) -> list[RunSetRecord]:
        """Return run sets without their curves, oldest first."""
        ...

    def run_set_numbers(self) -> list[int]:
        """Return the numbers of run sets."""
        ...

    def run_set(self, number: int) -> RunSetRecord:
        """Return one run set; an `UnknownNameError` if there is none."""
        ...

    def metrics(self, run_set: int) -> Mapping[int, Mapping[str, MetricHistory]]:
        """Return the metrics of the runs of a run set, by seed and name."""
        ...

    def curve(self, run_set: int, seed: int) -> Curve | None:
        """Return the whole curve of one run; None if it is damaged, or was deleted meanwhile."""
        ...

    def curves(self, run_set: int, seeds: Sequence[int]) -> Mapping[int, Curve]:
        """Return the whole curves of runs of a run set by seed, without those that are damaged or deleted."""
        ...
