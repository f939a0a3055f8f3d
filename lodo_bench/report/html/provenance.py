"""The provenance of results: each run, and the commands that produced it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lodo_bench.charts.groups import ResultGroup
from lodo_bench.report.formatting import NOTHING, counted, number, speed
from lodo_bench.report.prose import machine_text, versions_text
from lodo_bench.report.section import ColumnHead, Table, TableCell, TableRow
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunRecord


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """One invocation of the program."""

    title: str
    started: str
    command: str
    machine: str
    versions: str


@dataclass(frozen=True, slots=True)
class GroupProvenance:
    """A table of the runs of a group, whose last column numbers the commands."""

    label: str
    summary: str
    table: Table
    commands: Sequence[RecordedCommand]


def group_provenance(group: ResultGroup) -> GroupProvenance:
    """Return the provenance of all runs of a group, including interrupted and failed ones."""
    provenances: list[Provenance] = []
    for member in group.members:
        if member.provenance not in provenances:
            provenances.append(member.provenance)
    milestones = sorted({milestone for m in group.members for milestone in m.run.milestones})
    rows = [
        TableRow((*_cells(m.run, milestones), TableCell(str(provenances.index(m.provenance) + 1))))
        for m in group.members
    ]
    return GroupProvenance(
        label=group.label,
        summary=_summary(group, provenances),
        table=Table(_heads(milestones), tuple(rows)),
        commands=[_command(index + 1, provenance) for index, provenance in enumerate(provenances)],
    )


def _heads(milestones: Sequence[Milestone]) -> tuple[ColumnHead, ...]:
    losses = (f"loss at {milestone.title}" for milestone in milestones)
    numbers = ("steps", "evaluations", "training s", "steps/s", *losses)
    return (
        ColumnHead("seed"),
        ColumnHead("status", numeric=False),
        *map(ColumnHead, numbers),
        ColumnHead("command", numeric=False),
    )


def _cells(run: RunRecord, milestones: Sequence[Milestone]) -> list[TableCell]:
    status = f"{run.status} ({run.reason})" if run.reason else run.status.value
    losses = [run.milestones.get(milestone) for milestone in milestones]
    return [
        TableCell(str(run.seed), run.seed),
        TableCell(status),
        TableCell(f"{run.steps:,}", run.steps),
        TableCell(f"{run.evaluations:,}", run.evaluations),
        TableCell(number(run.training_seconds), run.training_seconds),
        TableCell(speed(run.steps_per_second), run.steps_per_second),
        *(TableCell(number(loss), loss) for loss in losses),
    ]


def _summary(group: ResultGroup, provenances: Sequence[Provenance]) -> str:
    """Return a summary such as `8 runs, 1 diverged; seeds 0 to 7; 2 commands`."""
    runs = [member.run for member in group.members]
    seeds = sorted({run.seed for run in runs})
    others = [status for status in Status if status is not Status.COMPLETED]
    counts = [f"{count} {status.value}" for status in others if (count := sum(r.status is status for r in runs))]
    total = ", ".join([counted(len(runs), "run"), *counts])
    span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{total}; {span}; {counted(len(provenances), 'command')}"


def started_text(provenance: Provenance) -> str:
    """Return `started 2026-05-06T07:08:09+00:00 on HOST`, with the end and the database where they are known."""
    end = f", ended {provenance.ended}" if provenance.ended else ""
    database = f", database {provenance.database}" if provenance.database else ""
    return f"started {provenance.started} on {provenance.host or NOTHING}{end}{database}"


def _command(index: int, provenance: Provenance) -> RecordedCommand:
    return RecordedCommand(
        title=str(index),
        started=started_text(provenance),
        command=provenance.command,
        machine=machine_text(provenance.machine),
        versions=versions_text([provenance]),
    )
