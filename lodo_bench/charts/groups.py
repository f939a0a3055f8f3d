"""Stored runs grouped into the lines of a chart, with labels and line styles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.grouping import RunGroup, common_hyperparameters, gather, row_key
from lodo_bench.analysis.labels import LabelParts, labels_of
from lodo_bench.charts.line_styles import LineStyle, line_styles_of
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, RunSetSpec, latest_facts
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import LossBound


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A stored run with the number and the specification of its run set, and its provenance."""

    run_set: int
    spec: RunSetSpec
    run: RunRecord
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class ResultGroup:
    """The runs of one optimizer with one choice of hyperparameters on one task.

    Attributes:
        label: name, unique in a chart.
        line_style: style, unique in a chart.
        spec: specification of the latest run set.
        members: all runs, including interrupted and failed ones, oldest first.
        bound: the loss that no optimizer can beat in the long run, where known.
    """

    label: str
    line_style: LineStyle
    spec: RunSetSpec
    members: tuple[GroupMember, ...]
    bound: LossBound | None = None

    def longest(self) -> list[GroupMember]:
        """Return for each seed the run with the most steps, the latest of equals."""
        return self._best(lambda run: run.steps)

    def timed(self) -> list[GroupMember]:
        """Return for each seed the run with the longest training time, the latest of equals."""
        return self._best(lambda run: run.training_seconds)

    def _best(self, value: Callable[[RunRecord], float | None]) -> list[GroupMember]:
        found: dict[tuple[object, ...], tuple[float, GroupMember]] = {}  # searches may have runs of the same seed
        for member in self.members:
            run, rank = member.run, value(member.run)
            if rank is None or run.status in (Status.INTERRUPTED, Status.FAILED):
                continue
            key = row_key(member.spec), run.seed
            if key not in found or rank >= found[key][0]:
                found[key] = rank, member
        return sorted((member for _, member in found.values()), key=lambda member: member.run.seed)


def result_groups(run_sets: Iterable[RunSetRecord], studies: Iterable[StudySummary] = ()) -> list[ResultGroup]:
    """Group the run sets of one task, in the order in which they were first run, as the rows of a comparison.

    Args:
        run_sets: final runs, oldest first.
        studies: searches, for which of them replicate each other.
    """
    searched = {study.id: study for study in studies}
    rows = gather([run_set for run_set in run_sets if run_set.runs], searched)
    groups = [[run_set for group in row.values() for run_set in group.run_sets] for row in rows]
    specs = [group[-1].spec for group in groups]
    hyperparameters = [_hyperparameters(row, searched) for row in rows]
    parts = [
        LabelParts(spec.optimizer.label, values, spec.compute)
        for spec, values in zip(specs, hyperparameters, strict=True)
    ]
    styles = line_styles_of([spec.optimizer.name for spec in specs])
    return [
        ResultGroup(label, style, spec, tuple(_members(group)), latest_facts(group).bound)
        for label, style, spec, group in zip(labels_of(parts), styles, specs, groups, strict=True)
    ]


def _hyperparameters(row: Mapping[int, RunGroup], studies: Mapping[int, StudySummary]) -> Hyperparameters:
    searches = [group.hyperparameters for group in row.values()]
    known = (studies.get(values.study_id or 0) for values in searches)
    return common_hyperparameters(searches, [study for study in known if study is not None])


def _members(run_sets: Iterable[RunSetRecord]) -> Iterable[GroupMember]:
    for run_set in run_sets:
        for run, provenance in zip(run_set.runs, run_set.provenances, strict=True):
            yield GroupMember(run_set.id, run_set.spec, run, provenance)


def group_labels(specs: Sequence[RunSetSpec]) -> list[str]:
    """Return unique labels: the optimizers' names, with what distinguishes those that share a name."""
    return labels_of([LabelParts(spec.optimizer.label, spec.hyperparameters, spec.compute) for spec in specs])
