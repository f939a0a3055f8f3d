"""Where the runs of a line come from: each run, and the invocations of the program that made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lodo_bench.charts.groups import ResultGroup
from lodo_bench.report.formatting import NOTHING, counted, number, speed
from lodo_bench.report.notes import machine_text, versions_text
from lodo_bench.report.table import Cell, Head, Table, TableRow
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunRecord


@dataclass(frozen=True, slots=True)
class Place:
    """One invocation of the program, in words."""

    title: str
    started: str
    command: str
    machine: str
    versions: str


@dataclass(frozen=True, slots=True)
class LineOrigin:
    """All runs of a line in a table, whose last column names the places."""

    label: str
    summary: str
    table: Table
    places: Sequence[Place]


def origin_of(line: ResultGroup) -> LineOrigin:
    """Every run of the line, those that were interrupted or failed as well."""
    provenances: list[Provenance] = []
    for member in line.members:
        if member.provenance not in provenances:
            provenances.append(member.provenance)
    milestones = sorted({key for m in line.members for key in m.run.milestones})
    lines = [
        TableRow((*_cells(m.run, milestones), Cell(str(provenances.index(m.provenance) + 1)))) for m in line.members
    ]
    return LineOrigin(
        label=line.label,
        summary=_summary(line, provenances),
        table=Table(_heads(milestones), tuple(lines)),
        places=[_place(index + 1, provenance) for index, provenance in enumerate(provenances)],
    )


def _heads(milestones: Sequence[Milestone]) -> tuple[Head, ...]:
    losses = (f"loss at {milestone.title}" for milestone in milestones)
    numbers = ("steps", "evaluations", "training s", "steps/s", *losses)
    return Head("seed"), Head("status", numeric=False), *map(Head, numbers), Head("made by", numeric=False)


def _cells(run: RunRecord, milestones: Sequence[Milestone]) -> list[Cell]:
    status = f"{run.status} ({run.reason})" if run.reason else run.status.value
    losses = [run.milestones.get(milestone) for milestone in milestones]
    return [
        Cell(str(run.seed), run.seed),
        Cell(status),
        Cell(f"{run.steps:,}", run.steps),
        Cell(f"{run.evaluations:,}", run.evaluations),
        Cell(number(run.training_seconds), run.training_seconds),
        Cell(speed(run.steps_per_second), run.steps_per_second),
        *(Cell(number(loss), loss) for loss in losses),
    ]


def _summary(line: ResultGroup, provenances: Sequence[Provenance]) -> str:
    """`8 runs, 1 diverged; seeds 0 to 7; made by 2 commands`."""
    runs = [member.run for member in line.members]
    seeds = sorted({run.seed for run in runs})
    others = [status for status in Status if status is not Status.COMPLETED]
    counts = [f"{count} {status.value}" for status in others if (count := sum(r.status is status for r in runs))]
    total = ", ".join([counted(len(runs), "run"), *counts])
    span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{total}; {span}; made by {counted(len(provenances), 'command')}"


def _place(index: int, provenance: Provenance) -> Place:
    return Place(
        title=str(index),
        started=f"started {provenance.started} on {provenance.host or NOTHING}",
        command=provenance.command,
        machine=machine_text(provenance.machine),
        versions=versions_text([provenance]),
    )
