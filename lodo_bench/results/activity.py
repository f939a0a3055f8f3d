"""The progress of searches and runs, read from the database while other processes write to it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.orm import InstrumentedAttribute

from lodo_bench.errors import UnknownNameError
from lodo_bench.results.codecs.specifications import decode_run_set_spec, decode_study_spec
from lodo_bench.results.codecs.studies import decode_result
from lodo_bench.results.counted import SOUND_GENERATION, SOUND_INDIVIDUAL, SOUND_RUN, note_orphans, note_unsound
from lodo_bench.results.damage import Damage, DamagedRowError, Damages, is_time
from lodo_bench.results.database import Database
from lodo_bench.results.schema import GenerationRow, IndividualRow, ProvenanceRow, RunRow, RunSetRow, StudyRow
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class Writing:
    """The contribution of the process that wrote last.

    Attributes:
        started, ended: the start of the process and its last write, UTC, ISO 8601.
        count: the individuals or runs that it wrote.
        steps: the planned training steps of the individuals, or the steps of the runs.
    """

    started: str
    ended: str
    count: int
    steps: int


@dataclass(frozen=True, slots=True)
class StudyActivity:
    """The progress of a study.

    Attributes:
        id, spec: as in `StudyRecord`.
        finished: true once it has its result.
        generation: the number of open generations.
        evaluated, diverged, failed: numbers of individuals.
        steps_done: the planned training steps of those that are evaluated.
        best_fitness: the lowest of the last generation that has any finite one; NaN before.
        writing: of the process that wrote last; None before the first individual.
    """

    id: int
    spec: StudySpec
    finished: bool
    generation: int
    evaluated: int
    diverged: int
    failed: int
    steps_done: int
    best_fitness: float
    writing: Writing | None


@dataclass(frozen=True, slots=True)
class RunSetActivity:
    """The progress of a run set.

    Attributes:
        id: its number.
        task, optimizer: those of its runs.
        num_seeds: the number of its runs.
        done: the number of runs that have ended; interrupted ones have not.
        writing: of the process that wrote last; None before the first run.
    """

    id: int
    task: TaskSpec
    optimizer: OptimizerSpec
    num_seeds: int
    done: int
    writing: Writing | None

    @property
    def finished(self) -> bool:
        """True once all of its runs have ended."""
        return self.done >= self.num_seeds


def study_activities(database: Database, study: int | None = None) -> list[StudyActivity]:
    """Return the progress of all studies, oldest first, or of one.

    Raises:
        UnknownNameError: if there is no such study.
    """
    with database.reading() as session:
        rows = session.scalars(select(StudyRow).order_by(StudyRow.id)).all()
        generations = _by_owner(session.execute(_GENERATIONS))
        writings = _sound_writings(session.execute(_WRITINGS_OF_STUDIES), database.damages)
        note_unsound(session, database.damages, SOUND_INDIVIDUAL, SOUND_GENERATION)
        note_orphans(session, database.damages, GenerationRow, IndividualRow)
        if study is not None and study not in [row.id for row in rows]:
            raise UnknownNameError("study", str(study), (str(row.id) for row in rows))
        wanted = [row for row in rows if study in (None, row.id)]
        return list(
            database.damages.sound(
                wanted, lambda row: _study(row, generations[row.id], writings[row.id], database.damages)
            )
        )


def run_set_activities(database: Database) -> list[RunSetActivity]:
    """Return the progress of all run sets, oldest first."""
    with database.reading() as session:
        rows = session.scalars(select(RunSetRow).order_by(RunSetRow.id)).all()
        writings = _sound_writings(session.execute(_WRITINGS_OF_RUN_SETS), database.damages)
        note_unsound(session, database.damages, SOUND_RUN)
        note_orphans(session, database.damages, RunSetRow, RunRow)
        return list(database.damages.sound(rows, lambda row: _run_set(row, writings[row.id])))


def _count(status: Status) -> Any:
    return func.sum(case((IndividualRow.status == status, 1), else_=0))


_GENERATIONS = (
    select(
        GenerationRow.study_id.label("owner"),
        GenerationRow.steps,
        func.count(IndividualRow.id).label("evaluated"),
        _count(Status.DIVERGED).label("diverged"),
        _count(Status.FAILED).label("failed"),
        func.min(IndividualRow.fitness).label("best"),  # only finite ones are not null
    )
    .outerjoin(GenerationRow.individuals.and_(SOUND_INDIVIDUAL))
    .where(SOUND_GENERATION)
    .group_by(GenerationRow.id, GenerationRow.study_id, GenerationRow.index, GenerationRow.steps)
    .order_by(GenerationRow.study_id, GenerationRow.index)
)


def _writings(
    owner: InstrumentedAttribute[int], written: InstrumentedAttribute[int], steps: InstrumentedAttribute[int]
) -> Select[int, int, str, str, int, int]:
    """Return the query for the invocations that wrote for each owner, and how much."""
    return (
        select(
            owner.label("owner"),
            ProvenanceRow.id,
            ProvenanceRow.started,
            ProvenanceRow.ended,
            func.count(written).label("written"),
            func.sum(steps).label("steps"),
        )
        .group_by(owner, ProvenanceRow.id, ProvenanceRow.started, ProvenanceRow.ended)
        .order_by(func.max(written))  # not by time: clocks go backward, and those of several machines differ
    )


_WRITINGS_OF_STUDIES = (
    _writings(GenerationRow.study_id, IndividualRow.id, GenerationRow.steps)
    .join(IndividualRow, IndividualRow.generation_id == GenerationRow.id)
    .join(ProvenanceRow, ProvenanceRow.id == IndividualRow.provenance_id)
    .where(SOUND_INDIVIDUAL, SOUND_GENERATION)
)
_WRITINGS_OF_RUN_SETS = (
    _writings(RunRow.run_set_id, RunRow.id, RunRow.steps)
    .join(RunRow.provenance)
    .where(RunRow.status != Status.INTERRUPTED, SOUND_RUN)
)


def _by_owner(rows: Iterable[Row[Any]]) -> Mapping[int, Sequence[Row[Any]]]:
    """Return rows by the number of the study or run set that they belong to."""
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.owner].append(row)
    return found


def _sound_writings(rows: Iterable[Row[Any]], damages: Damages) -> Mapping[int, Sequence[Row[Any]]]:
    """Return the invocations by owner, without those whose times are damaged."""

    def check(row: Row[Any]) -> Row[Any]:
        if is_time(row.started) and is_time(row.ended):
            return row
        raise DamagedRowError(Damage(ProvenanceRow.__tablename__, row.id, "its times are damaged"))

    return _by_owner(damages.sound(rows, check))


def _study(
    row: StudyRow, generations: Sequence[Row[Any]], writings: Sequence[Row[Any]], damages: Damages
) -> StudyActivity:
    return StudyActivity(
        id=row.id,
        spec=decode_study_spec(row),
        finished=decode_result(row, b"", damages) is not None,
        generation=len(generations),
        evaluated=sum(each.evaluated for each in generations),
        diverged=sum(each.diverged for each in generations),
        failed=sum(each.failed for each in generations),
        steps_done=sum(each.steps * each.evaluated for each in generations),
        best_fitness=next((each.best for each in reversed(generations) if each.best is not None), math.nan),
        writing=_latest(writings),
    )


def _run_set(row: RunSetRow, writings: Sequence[Row[Any]]) -> RunSetActivity:
    spec = decode_run_set_spec(row)
    return RunSetActivity(
        id=row.id,
        task=spec.task,
        optimizer=spec.optimizer,
        num_seeds=spec.num_seeds,
        done=sum(each.written for each in writings),
        writing=_latest(writings),
    )


def _latest(writings: Sequence[Row[Any]]) -> Writing | None:
    if not writings:
        return None
    row = writings[-1]
    return Writing(row.started, row.ended, row.written, int(row.steps))
