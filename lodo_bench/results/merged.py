"""Several databases, read as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lodo_bench.errors import UnknownNameError
from lodo_bench.results.damage import Damage
from lodo_bench.results.reader import Results
from lodo_bench.spec.outcome import Curve, MetricHistory
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunSetRecord
from lodo_bench.spec.study import StudyRecord, StudySummary

_Study = TypeVar("_Study", StudyRecord, StudySummary)
_LEAST_OFFSET = 1000


@dataclass(frozen=True, slots=True)
class _MergedPart:
    """One of the databases: its name, its results, and what is added to its numbers."""

    name: str
    results: Results
    offset: int


class MergedResults:
    """The results of several databases, with numbers that are unique.

    Those of the first database keep their numbers; 1000 is added to those of the second, 2000 to those of the third and
    so on: run set 1003 is run set 3 of the second database. Where a number is 1000 or more, it is 10,000 instead of
    1000, and so on. The provenance of each run names its database.

    Args:
        databases: name and results of each.
    """

    def __init__(self, databases: Sequence[tuple[str, Results]]) -> None:
        unit, largest = _LEAST_OFFSET, max(_largest_number(results) for _, results in databases)
        while unit <= largest:
            unit *= 10
        self._unit = unit
        self._parts = [_MergedPart(name, results, unit * index) for index, (name, results) in enumerate(databases)]

    @property
    def numbering(self) -> str:
        """The sentence that tells the user how the numbers are made."""
        first, *others = self._parts
        parts = [f"{part.offset + 1}, {part.offset + 2}, ... are 1, 2, ... of '{part.name}'" for part in others]
        return f"Run sets and studies of '{first.name}' keep their numbers; {'; '.join(parts)}."

    @property
    def folder(self) -> None:
        """There is none: each database has a folder of its own."""
        return None

    @property
    def damaged(self) -> list[Damage]:
        """The damaged rows that were left out so far, with their numbers in their own database."""
        return [damage for part in self._parts for damage in part.results.damaged]

    def studies(self, task: str | None = None) -> list[StudyRecord]:
        """Return studies with all of their individuals, oldest first."""
        found = [_study(study, part) for part in self._parts for study in part.results.studies(task)]
        return sorted(found, key=lambda study: study.created)

    def study_summaries(self, task: str | None = None) -> list[StudySummary]:
        """Return studies in numbers, oldest first."""
        found = [_study(study, part) for part in self._parts for study in part.results.study_summaries(task)]
        return sorted(found, key=lambda study: study.created)

    def study_numbers(self) -> list[int]:
        """Return the numbers of studies."""
        return [number + part.offset for part in self._parts for number in part.results.study_numbers()]

    def study(self, number: int) -> StudyRecord:
        """Return one study.

        Raises:
            UnknownNameError: if there is none.
        """
        part = self._part("study", number, lambda results: results.study_numbers())
        return _study(part.results.study(number - part.offset), part)

    def provenances(self, study: int) -> list[Provenance]:
        """Return the invocations of the program that evaluated individuals of a study, oldest first."""
        part = self._parts[study // self._unit]
        return [replace(found, database=part.name) for found in part.results.provenances(study - part.offset)]

    def weights(self, study: int) -> bytes:
        """Return the weights of a finished meta-training."""
        part = self._parts[study // self._unit]
        return part.results.weights(study - part.offset)

    def run_sets(self, task: str | None = None) -> list[RunSetRecord]:
        """Return run sets without their curves, oldest first."""
        found = [_run_set(record, part) for part in self._parts for record in part.results.run_sets(task)]
        return sorted(found, key=lambda record: record.created)

    def run_set_numbers(self) -> list[int]:
        """Return the numbers of run sets."""
        return [number + part.offset for part in self._parts for number in part.results.run_set_numbers()]

    def run_set(self, number: int) -> RunSetRecord:
        """Return one run set.

        Raises:
            UnknownNameError: if there is none.
        """
        part = self._part("run set", number, lambda results: results.run_set_numbers())
        return _run_set(part.results.run_set(number - part.offset), part)

    def metrics(self, run_set: int) -> Mapping[int, Mapping[str, MetricHistory]]:
        """Return the metrics of the runs of a run set, by seed and name."""
        part = self._parts[run_set // self._unit]
        return part.results.metrics(run_set - part.offset)

    def curve(self, run_set: int, seed: int) -> Curve | None:
        """Return the whole curve of one run; None if it is damaged."""
        part = self._parts[run_set // self._unit]
        return part.results.curve(run_set - part.offset, seed)

    def curves(self, run_set: int, seeds: Sequence[int]) -> Mapping[int, Curve]:
        """Return the whole curves of runs of a run set by seed, without those that are damaged."""
        part = self._parts[run_set // self._unit]
        return part.results.curves(run_set - part.offset, seeds)

    def _part(self, kind: str, number: int, numbers_of: Callable[[Results], list[int]]) -> _MergedPart:
        """Return the database of a number that a user has typed."""
        known = {part.offset + found: part for part in self._parts for found in numbers_of(part.results)}
        if number not in known:
            raise UnknownNameError(kind, str(number), map(str, known))
        return known[number]


def _largest_number(results: Results) -> int:
    return max([*results.study_numbers(), *results.run_set_numbers()], default=0)


def _study(study: _Study, part: _MergedPart) -> _Study:
    return replace(study, id=study.id + part.offset)


def _run_set(record: RunSetRecord, part: _MergedPart) -> RunSetRecord:
    spec = replace(record.spec, hyperparameters=_hyperparameters(record.spec.hyperparameters, part))
    provenances = tuple(replace(provenance, database=part.name) for provenance in record.provenances)
    return replace(record, id=record.id + part.offset, spec=spec, provenances=provenances)


def _hyperparameters(found: Hyperparameters, part: _MergedPart) -> Hyperparameters:
    def moved(number: int | None) -> int | None:
        return None if number is None else number + part.offset

    return replace(found, study_id=moved(found.study_id), weights_study_id=moved(found.weights_study_id))
