"""Selections of stored results: the one place where options such as `--optimizer` and `--tag` are applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.results.damage import Damage
from lodo_bench.results.reader import Results
from lodo_bench.spec.outcome import Curve, MetricHistory
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.selection import Selection
from lodo_bench.spec.study import StudyRecord, StudySummary
from lodo_bench.spec.training import OptimizerSpec
from lodo_bench.user_code import canonical

_Record = RunSetRecord | StudySummary


def select_results(results: Results, selection: Selection) -> Results:
    """Return the selected results: run sets, and the studies that are selected themselves or have tuned these.

    Values of one restriction are alternatives, and so are numbers of run sets and of studies; different restrictions
    hold together. A study has its optimizer and its tags; it counts as of the source `tuned`.

    Args:
        results: one database, or several together.
        selection: what to keep; a task of which nothing is stored selects nothing.

    Raises:
        UnknownNameError: for an optimizer, number, source or tag that nothing stored on the task has.
        UsageError: if no stored result has all that is asked for.
    """
    return results if selection == Selection() else SelectedResults(results, selection)


class SelectedResults:
    """The results that a selection keeps; the arguments and errors are those of `select_results`."""

    def __init__(self, results: Results, selection: Selection) -> None:
        self._results = results
        self._task = None if selection.task is None else canonical(selection.task)
        run_sets, studies = results.run_sets(self._task), results.study_summaries(self._task)
        _check(selection, run_sets, studies)
        self._run_sets = [record for record in run_sets if _keeps_run_set(selection, record)]
        used = {record.spec.hyperparameters.study_id for record in self._run_sets}
        self._summaries = [study for study in studies if study.id in used or _keeps_study(selection, study)]
        if (run_sets or studies) and not (self._run_sets or self._summaries):
            raise UsageError(f"no stored result has all of this: {_described(selection)}. Omit one of them.")

    @property
    def folder(self) -> Path | None:
        """The folder of further files."""
        return self._results.folder

    @property
    def damaged(self) -> Sequence[Damage]:
        """The damaged rows that were left out so far, selected or not."""
        return self._results.damaged

    def studies(self, task: str | None = None) -> list[StudyRecord]:
        """Return the selected studies with all of their individuals, oldest first."""
        return [self._results.study(study.id) for study in self.study_summaries(task)]

    def study_summaries(self, task: str | None = None) -> list[StudySummary]:
        """Return the selected studies in numbers, oldest first."""
        return [study for study in self._summaries if task in (None, study.spec.task.name)]

    def study_numbers(self) -> list[int]:
        """Return the numbers of the selected studies."""
        return [study.id for study in self._summaries]

    def study(self, number: int) -> StudyRecord:
        """Return one study, selected or not."""
        return self._results.study(number)

    def provenances(self, study: int) -> list[Provenance]:
        """Return the invocations of the program that evaluated individuals of a study, oldest first."""
        return self._results.provenances(study)

    def weights(self, study: int) -> bytes:
        """Return the weights of a finished meta-training."""
        return self._results.weights(study)

    def run_sets(self, task: str | None = None) -> list[RunSetRecord]:
        """Return the selected run sets without their curves, oldest first."""
        return [record for record in self._run_sets if task in (None, record.spec.task.name)]

    def run_set_numbers(self) -> list[int]:
        """Return the numbers of the selected run sets."""
        return [record.id for record in self._run_sets]

    def run_set(self, number: int) -> RunSetRecord:
        """Return one run set, selected or not."""
        return self._results.run_set(number)

    def metrics(self, run_set: int) -> Mapping[int, Mapping[str, MetricHistory]]:
        """Return the metrics of the runs of a run set, by seed and name."""
        return self._results.metrics(run_set)

    def curve(self, run_set: int, seed: int) -> Curve | None:
        """Return the whole curve of one run; None if it is damaged."""
        return self._results.curve(run_set, seed)

    def curves(self, run_set: int, seeds: Sequence[int]) -> Mapping[int, Curve]:
        """Return the whole curves of runs of a run set by seed, without those that are damaged."""
        return self._results.curves(run_set, seeds)


def _check(selection: Selection, run_sets: Iterable[RunSetRecord], studies: Iterable[StudySummary]) -> None:
    """Refuse a value that selects nothing by itself, unless nothing at all is stored."""
    run_sets, studies = list(run_sets), list(studies)
    records: list[_Record] = [*run_sets, *studies]
    if not records:
        return
    of = "these results" if selection.task is None else f"the results on {selection.task}"
    optimizers = [name for record in records for name in _names(record.spec.optimizer)]
    labels = {record.spec.optimizer.label for record in records}
    for kind, wanted, known, shown in (
        ("optimizer", map(canonical, selection.optimizers), optimizers, labels),
        ("run set", map(str, selection.run_sets), (str(record.id) for record in run_sets), None),
        ("study", map(str, selection.studies), (str(study.id) for study in studies), None),
        ("source of hyperparameters", selection.sources, map(_source, records), None),
        ("tag", selection.tags, (tag for record in records for tag in record.annotation.tags), None),
    ):
        stored = set(known)
        for value in wanted:
            if value not in stored:
                raise UnknownNameError(kind, value, shown or stored, of=of)


def _keeps_run_set(selection: Selection, record: RunSetRecord) -> bool:
    is_numbered = record.id in selection.run_sets or record.spec.hyperparameters.study_id in selection.studies
    return (is_numbered or not (selection.run_sets or selection.studies)) and _keeps(selection, record)


def _keeps_study(selection: Selection, study: StudySummary) -> bool:
    is_numbered = study.id in selection.studies
    return (is_numbered or not (selection.run_sets or selection.studies)) and _keeps(selection, study)


def _keeps(selection: Selection, record: _Record) -> bool:
    """Return True if a record has what is asked for, apart from its number."""
    names = {canonical(name) for name in selection.optimizers}
    return (
        (not names or not names.isdisjoint(_names(record.spec.optimizer)))
        and (not selection.sources or _source(record) in selection.sources)
        and (not selection.tags or not set(selection.tags).isdisjoint(record.annotation.tags))
    )


def _names(optimizer: OptimizerSpec) -> tuple[str, str]:
    """Return what an optimizer is called: its name, which is that of all of its variants, and with its options."""
    return optimizer.name, optimizer.label


def _source(record: _Record) -> str:
    return record.spec.hyperparameters.source if isinstance(record, RunSetRecord) else "tuned"


def _described(selection: Selection) -> str:
    parts = {
        "optimizer": selection.optimizers,
        "run set": selection.run_sets,
        "study": selection.studies,
        "source": selection.sources,
        "tag": selection.tags,
    }
    return "; ".join(f"{name} {' or '.join(map(str, values))}" for name, values in parts.items() if values)
