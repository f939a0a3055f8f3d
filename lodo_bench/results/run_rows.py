"""Runs, with their milestones or curves, as plain rows: making objects of the ORM takes far longer than reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, select
from sqlalchemy.orm import Session

from lodo_bench.results.schema import CurveRow, MetricHistoryRow, MilestoneRow, ProvenanceRow, RunRow, ScoreRow

_AT_ONCE = 100  # curves, which may be long


@dataclass(frozen=True, slots=True)
class StoredMilestone:
    """The columns of a `MilestoneRow`, and of the `ScoreRow`s that belong to it."""

    row: Row[Any]
    scores: Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The columns of a `RunRow` without its curve, its milestones, and its provenance if that exists."""

    row: Row[Any]
    milestones: Sequence[StoredMilestone]
    provenance: ProvenanceRow | None


@dataclass(frozen=True, slots=True)
class StoredCurve:
    """The number, seed and steps of a `RunRow`, the columns of its `CurveRow` if they are read, and its metrics."""

    row: Row[Any]
    metrics: Sequence[Row[Any]]


def stored_runs(session: Session, *conditions: ColumnElement[bool]) -> dict[int, list[StoredRun]]:
    """Return the runs that fulfill conditions on `RunRow`, by the number of their run set, each set by seed."""
    runs = session.execute(select(*RunRow.__table__.c).where(*conditions).order_by(RunRow.seed)).all()
    of_runs = RunRow.id == MilestoneRow.run_id
    milestones = session.execute(
        select(*MilestoneRow.__table__.c).join(RunRow, of_runs).where(*conditions).order_by(MilestoneRow.id)
    ).all()
    scores = session.execute(
        select(*ScoreRow.__table__.c)
        .join(MilestoneRow, MilestoneRow.id == ScoreRow.milestone_id)
        .join(RunRow, of_runs)
        .where(*conditions)
        .order_by(ScoreRow.id)
    ).all()
    used = {run.provenance_id for run in runs}
    provenances = {row.id: row for row in session.scalars(select(ProvenanceRow).where(ProvenanceRow.id.in_(used)))}
    scores_of = _grouped(scores, "milestone_id")
    milestones_of = {
        run: [StoredMilestone(row, scores_of.get(row.id, ())) for row in found]
        for run, found in _grouped(milestones, "run_id").items()
    }
    by_set: defaultdict[int, list[StoredRun]] = defaultdict(list)
    for run in runs:
        by_set[run.run_set_id].append(StoredRun(run, milestones_of.get(run.id, ()), provenances.get(run.provenance_id)))
    return by_set


def stored_curves(session: Session, run_set: int, seeds: Sequence[int]) -> Iterator[StoredCurve]:
    """Yield the runs of a run set that have one of the seeds, with their curves and metrics."""
    for first in range(0, len(seeds), _AT_ONCE):
        of_runs = and_(RunRow.run_set_id == run_set, RunRow.seed.in_(seeds[first : first + _AT_ONCE]))
        metrics = _grouped(_metrics(session, of_runs), "run_id")
        curves: Select[*tuple[Any, ...]] = select(RunRow.id, RunRow.seed, RunRow.steps, *CurveRow.__table__.c)
        for row in session.execute(curves.outerjoin(RunRow.curve).where(of_runs).order_by(RunRow.seed)):
            yield StoredCurve(row, metrics.get(row.id, ()))


def stored_metrics(session: Session, run_set: int) -> list[StoredCurve]:
    """Return the runs of a run set with their metrics, without their curves, by seed."""
    of_set = RunRow.run_set_id == run_set
    runs: Select[*tuple[Any, ...]] = select(RunRow.id, RunRow.seed, RunRow.steps).where(of_set).order_by(RunRow.seed)
    metrics = _grouped(_metrics(session, of_set), "run_id")
    return [StoredCurve(run, metrics.get(run.id, ())) for run in session.execute(runs)]


def _metrics(session: Session, of_runs: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Return the metrics of runs that fulfill a condition on `RunRow`."""
    query = select(*MetricHistoryRow.__table__.c).join(RunRow, RunRow.id == MetricHistoryRow.run_id).where(of_runs)
    return session.execute(query.order_by(MetricHistoryRow.id)).all()


def _grouped(rows: Iterable[Row[Any]], owner: str) -> dict[int, list[Row[Any]]]:
    """Return rows by the number of the row that they belong to."""
    groups: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, owner)].append(row)
    return groups
