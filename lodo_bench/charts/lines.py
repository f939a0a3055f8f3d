"""Which stored runs make one line of a picture, and what the line is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.grouping import row_key
from lodo_bench.analysis.labels import Named, labels_of
from lodo_bench.charts.line_styles import LineStyle, line_styles_of
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunRecord, RunSetRecord, RunSetSpec


@dataclass(frozen=True, slots=True)
class Member:
    """A stored run: its run set's number, what it recorded, and where it ran."""

    run_set: int
    run: RunRecord
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class ResultGroup:
    """One optimizer with one choice of hyperparameters, on one task.

    Attributes:
        label: what it is called; no other line of the picture is.
        look: what it is drawn with; no other line of the picture is.
        spec: of its latest run set.
        members: its runs, those that were interrupted or failed as well, oldest first.
    """

    label: str
    line_style: LineStyle
    spec: RunSetSpec
    members: tuple[Member, ...]

    def longest(self) -> list[Member]:
        """For each seed the run that took the most steps, the latest of equals; to be shown by steps."""
        return self._best(lambda run: run.steps)

    def timed(self) -> list[Member]:
        """For each seed the run that was on the clock for the longest time; to be shown by seconds."""
        return self._best(lambda run: run.training_seconds)

    def _best(self, value: Callable[[RunRecord], float | None]) -> list[Member]:
        found: dict[int, tuple[float, Member]] = {}
        for member in self.members:
            run, rank = member.run, value(member.run)
            if rank is None or run.status in (Status.INTERRUPTED, Status.FAILED):
                continue
            if run.seed not in found or rank >= found[run.seed][0]:
                found[run.seed] = rank, member
        return [member for _, (_, member) in sorted(found.items())]


def lines_of(run_sets: Iterable[RunSetRecord]) -> list[ResultGroup]:
    """The lines that the run sets of one task make, in the order in which they were first run."""
    groups: dict[tuple[object, ...], list[RunSetRecord]] = {}
    for run_set in run_sets:
        if run_set.runs:
            groups.setdefault(row_key(run_set.spec), []).append(run_set)
    specs = [group[-1].spec for group in groups.values()]
    looks = line_styles_of([spec.optimizer.name for spec in specs])
    return [
        ResultGroup(label, look, spec, tuple(_members(group)))
        for label, look, spec, group in zip(line_labels(specs), looks, specs, groups.values(), strict=True)
    ]


def _members(run_sets: Iterable[RunSetRecord]) -> Iterable[Member]:
    for run_set in run_sets:
        for run, provenance in zip(run_set.runs, run_set.provenances, strict=True):
            yield Member(run_set.id, run, provenance)


def line_labels(specs: Sequence[RunSetSpec]) -> list[str]:
    """What the lines are called: the optimizers, and where several have one name, what tells them apart."""
    return labels_of([Named(spec.optimizer.label, spec.hyperparameters, spec.compute) for spec in specs])
