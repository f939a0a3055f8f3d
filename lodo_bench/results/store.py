"""Reading and writing results: the only interface to the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from sqlalchemy import Select, delete, func, insert, null, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from lodo_bench.errors import CodeChangedError, DatabaseError, Remedy, UnknownNameError
from lodo_bench.results import codecs
from lodo_bench.results.counted import SOUND_GENERATION, SOUND_INDIVIDUAL, note_orphans, note_unsound
from lodo_bench.results.damage import Damage, Damages
from lodo_bench.results.database import Database
from lodo_bench.results.schema import (
    CurveRow,
    DeletionRow,
    GenerationRow,
    IndividualRow,
    MetaTrainingStateRow,
    MetricHistoryRow,
    MilestoneRow,
    ProvenanceRow,
    RunRow,
    RunSetAnnotationRow,
    RunSetRow,
    ScoreRow,
    StudyAnnotationRow,
    StudyRow,
    now,
)
from lodo_bench.spec.encoding import encode
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord, StudySpec, StudySummary
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, Tuned

_Row = TypeVar("_Row", StudyRow, RunSetRow)
_Record = TypeVar("_Record", StudyRecord, StudySummary, RunSetRecord)
_Spec = TypeVar("_Spec", StudySpec, RunSetSpec)


class Store:
    """Studies and run sets in a database. Every call is one transaction.

    Args:
        database: the open database.
        provenance: of this process, stored with everything that it writes; None for a store that is only read.
    """

    def __init__(self, database: Database, provenance: Provenance | None = None) -> None:
        self._database = database
        self._provenance = provenance
        self._provenance_id: int | None = None
        self._generation_ids: dict[tuple[int, int], int] = {}
        self._searched: set[type[StudyRow] | type[RunSetRow]] = set()

    @property
    def location(self) -> str:
        """The file or URL of the database, without a password."""
        return self._database.location

    @property
    def folder(self) -> Path | None:
        """The folder of files that belong to the database; None for a database in memory."""
        return self._database.folder

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """The damaged rows that were come upon and left out so far."""
        return self._damages.found

    # Studies

    def open_study(self, spec: StudySpec, *, fresh: bool) -> StudyRecord:
        """Return the latest study of exactly this specification, or a new one if there is none or `fresh` is set.

        Raises:
            CodeChangedError: if there is an unfinished one that differs only in the version of its code.
        """
        with self._database.writing() as session:
            found = None if fresh else self._latest_study(session, spec, to_resume=True)
            if found is not None:
                return found
            if not fresh and _has_version(spec):
                unfinished = session.scalars(_like(StudyRow, spec).where(StudyRow.hyperparameters.is_(null())))
                for number, other in self._damages.sound(unfinished, _numbered_spec):
                    _check_code("study", number, other, spec)
            row = StudyRow(
                id=_unused_number(session, StudyRow),
                identity=codecs.study_identity(spec),
                task=spec.task.name,
                optimizer=spec.optimizer.name,
                spec=encode(spec),
                created=now(),
                generations=[],
            )
            session.add(row)
            session.flush()
            return codecs.decode_study(row, self._damages)

    def find_study(self, spec: StudySpec) -> StudyRecord | None:
        """Return the latest study of exactly this specification; None if there is none."""
        with self._database.reading() as session:
            return self._latest_study(session, spec)

    def add_generation(self, study: int, generation: GenerationRecord) -> None:
        """Store a generation that has opened, in place of a damaged one, unless it is stored already."""
        with self._database.writing() as session:
            row = session.scalar(_generation(study, generation.index))
            if row is None:
                session.add(GenerationRow(study_id=study, **asdict(generation)))
            elif not codecs.is_sound_generation(row, self._damages):
                row.sigma, row.steps, row.mean = generation.sigma, generation.steps, dict(generation.mean)

    def add_individuals(self, individuals: Mapping[int, Sequence[IndividualRecord]]) -> None:
        """Store evaluated individuals of stored generations by study, and the latest states of meta-trainings."""
        with self._writing_results() as (session, provenance):
            for study, members in individuals.items():
                rows = [
                    codecs.encode_individual(m, self._generation_id(session, study, m.generation), provenance)
                    for m in members
                ]
                self._delete_damaged_individuals(session, rows)
                session.execute(insert(IndividualRow), rows)
                for state in (member.state for member in members if member.state is not None):
                    session.merge(MetaTrainingStateRow(study_id=study, provenance_id=provenance, **asdict(state)))

    def finish_study(self, study: int, result: Tuned) -> None:
        """Store the result of a study; its weights are those of its latest state, which is stored already."""
        with self._database.writing() as session:
            session.get_one(StudyRow, study).hyperparameters = dict(result.values)

    def weights(self, study: int) -> bytes:
        """Return the weights of a finished meta-training."""
        with self._database.reading() as session:
            row = session.get(MetaTrainingStateRow, study)
            if row is None or not codecs.is_sound_state(row, self._damages):
                what = "missing from" if row is None else "damaged in"
                raise DatabaseError(
                    f"the weights of study {study} are {what} '{self.location}'.", remedy=Remedy.TUNE_FRESH
                )
            return row.weights

    def studies(self, task: str | None = None) -> list[StudyRecord]:
        """Return all studies with all of their individuals, oldest first, or those of one task."""
        with self._database.reading() as session:
            self._note_orphans(session, StudyRow)
            query = _of_task(StudyRow, task).options(*_WITH_INDIVIDUALS)
            return list(self._damages.sound(session.scalars(query), self._decode_study))

    def study_summaries(self, task: str | None = None) -> list[StudySummary]:
        """Return all studies in numbers, oldest first, or those of one task."""
        with self._database.reading() as session:
            return self._summaries_of(session, _of_task(StudyRow, task))

    def study_numbers(self) -> list[int]:
        """Return the numbers of all studies."""
        with self._database.reading() as session:
            return list(session.scalars(select(StudyRow.id).order_by(StudyRow.id)))

    def study(self, number: int) -> StudyRecord:
        """Return one study by its number.

        Raises:
            UnknownNameError: if there is none.
        """
        with self._database.reading() as session:
            _check_number(session, "study", number, StudyRow.id)
            self._note_orphans(session, StudyRow)
            row = session.get_one(StudyRow, number, options=_WITH_INDIVIDUALS)
            return self._only("study", number, self._damages.sound([row], self._decode_study))

    def studies_of(self, task: TaskSpec, optimizer: OptimizerSpec) -> list[StudySummary]:
        """Return the studies of an optimizer on a task, both with exactly these options, in numbers, oldest first."""
        named = select(StudyRow).where(StudyRow.task == task.name, StudyRow.optimizer == optimizer.name)
        with self._database.reading() as session:
            found = self._summaries_of(session, named.order_by(StudyRow.id))
        return [study for study in found if (study.spec.task, study.spec.optimizer) == (task, optimizer)]

    def study_summary(self, number: int) -> StudySummary:
        """Return one study in numbers.

        Raises:
            UnknownNameError: if there is none.
        """
        with self._database.reading() as session:
            _check_number(session, "study", number, StudyRow.id)
            return self._only(
                "study", number, self._summaries_of(session, select(StudyRow).where(StudyRow.id == number))
            )

    def provenances(self, study: int) -> list[Provenance]:
        """Return the invocations of the program that evaluated individuals of a study, oldest first."""
        used = select(IndividualRow.provenance_id).join(GenerationRow, GenerationRow.id == IndividualRow.generation_id)
        query = select(ProvenanceRow).where(ProvenanceRow.id.in_(used.where(GenerationRow.study_id == study)))
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(ProvenanceRow.id))
            return list(self._damages.sound(rows, codecs.decode_provenance))

    # Final runs

    def open_run_set(self, spec: RunSetSpec, *, fresh: bool = False) -> RunSetRecord:
        """Return the latest run set of exactly this specification, finished or not, or a new one.

        It is a new one if there is none, if `fresh` is set, or if the latest is finished and runs of it failed.

        Raises:
            CodeChangedError: if there is an unfinished one that differs only in the version of its code.
            UnknownNameError: if its hyperparameters are those of a study that is not in this database.
        """
        with self._database.writing() as session:
            if spec.hyperparameters.study_id is not None:
                _check_number(session, "study", spec.hyperparameters.study_id, StudyRow.id)
            record = None if fresh else self._latest_run_set(session, spec)
            if record is not None and (record.missing_seeds or not record.has_failed):
                return record
            if not fresh and _has_version(spec):
                for other in self._damages.sound(session.scalars(_like(RunSetRow, spec)), self._decode_run_set):
                    if other.missing_seeds:
                        _check_code("run set", other.id, other.spec, spec)
            row = RunSetRow(
                id=_unused_number(session, RunSetRow),
                identity=codecs.run_set_identity(spec),
                task=spec.task.name,
                optimizer=spec.optimizer.name,
                spec=codecs.encode_run_set_spec(spec),
                study_id=spec.hyperparameters.study_id,
                created=now(),
                runs=[],
            )
            session.add(row)
            session.flush()
            return self._decode_run_set(row)

    def find_run_set(self, spec: RunSetSpec) -> RunSetRecord | None:
        """Return the latest run set of exactly this specification, finished or not; None if there is none."""
        with self._database.reading() as session:
            return self._latest_run_set(session, spec)

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        """Store a run, in place of an interrupted or damaged one with the same seed."""
        with self._writing_results() as (session, provenance):
            former = session.scalar(_run(run_set, run.seed))
            if former is not None and (
                former.status == Status.INTERRUPTED or not codecs.is_sound_run(former, self._damages)
            ):
                session.delete(former)
                session.flush()
            session.add(codecs.encode_run(run, curve, run_set, provenance))

    def run_sets(self, task: str | None = None) -> list[RunSetRecord]:
        """Return all run sets without their curves, oldest first, or those of one task."""
        with self._database.reading() as session:
            self._note_orphans(session, RunSetRow)
            query = _of_task(RunSetRow, task).options(*_WITH_MILESTONES)
            return list(self._damages.sound(session.scalars(query), self._decode_run_set))

    def run_set_numbers(self) -> list[int]:
        """Return the numbers of all run sets."""
        with self._database.reading() as session:
            return list(session.scalars(select(RunSetRow.id).order_by(RunSetRow.id)))

    def run_set(self, number: int) -> RunSetRecord:
        """Return one run set by its number.

        Raises:
            UnknownNameError: if there is none.
        """
        with self._database.reading() as session:
            _check_number(session, "run set", number, RunSetRow.id)
            self._note_orphans(session, RunSetRow)
            row = session.get_one(RunSetRow, number, options=_WITH_MILESTONES)
            return self._only("run set", number, self._damages.sound([row], self._decode_run_set))

    def metrics(self, run_set: int, seed: int) -> dict[str, MetricHistory]:
        """Return the metrics of one run by name."""
        with self._database.reading() as session:
            query = select(MetricHistoryRow).where(
                MetricHistoryRow.run_id.in_(_run(run_set, seed).with_only_columns(RunRow.id))
            )
            return codecs.decode_metrics(session.scalars(query.order_by(MetricHistoryRow.id)), self._damages)

    def curve(self, run_set: int, seed: int) -> Curve | None:
        """Return the whole curve of one run; None if it is damaged."""
        with self._database.reading() as session:
            query = _run(run_set, seed).options(joinedload(RunRow.curve))
            return codecs.decode_curve(session.scalars(query).one(), self._damages)

    @property
    def _damages(self) -> Damages:
        return self._database.damages

    def _decode_study(self, row: StudyRow) -> StudyRecord:
        return codecs.decode_study(row, self._damages)

    def _decode_run_set(self, row: RunSetRow) -> RunSetRecord:
        return codecs.decode_run_set(row, self._damages)

    def _latest_study(self, session: Session, spec: StudySpec, *, to_resume: bool = False) -> StudyRecord | None:
        """Return the latest sound study of a specification; None if there is none."""
        rows = session.scalars(_latest(StudyRow, codecs.study_identity(spec)))
        decode = partial(codecs.decode_study, damages=self._damages, to_resume=to_resume)
        return next(self._damages.sound(rows, decode), None)

    def _latest_run_set(self, session: Session, spec: RunSetSpec) -> RunSetRecord | None:
        """Return the latest sound run set of a specification; None if there is none."""
        rows = session.scalars(_latest(RunSetRow, codecs.run_set_identity(spec)))
        return next(self._damages.sound(rows, self._decode_run_set), None)

    def _summaries_of(self, session: Session, studies: Select[StudyRow]) -> list[StudySummary]:
        note_unsound(session, self._damages, SOUND_INDIVIDUAL, SOUND_GENERATION)
        self._note_orphans(session, StudyRow)
        rows = session.execute(_summaries(studies))
        return list(self._damages.sound(rows, lambda row: _study_summary(*row, damages=self._damages)))

    def _only(self, kind: str, number: int, found: Iterable[_Record]) -> _Record:
        """Return the one record that is found."""
        for record in found:
            return record
        reasons = [str(each) for each in self._damages.found if each.number == number]
        self._damages.tell()
        raise DatabaseError(
            f"{kind} {number} is damaged in '{self.location}': {'; '.join(reasons)}.", remedy=Remedy.DELETE_DAMAGED
        )

    def _note_orphans(self, session: Session, owner: type[StudyRow] | type[RunSetRow]) -> None:
        """Count the rows of studies or run sets that belong to none, once: nothing shows them."""
        if owner not in self._searched:
            self._searched.add(owner)
            note_orphans(session, self._damages, *_OWNED[owner])

    def _delete_damaged_individuals(self, session: Session, rows: Sequence[Mapping[str, object]]) -> None:
        """Make room for individuals that are evaluated again because the stored ones are damaged."""
        damaged = [each.number for each in self._damages.found if each.table == IndividualRow.__tablename__]
        for row in rows if damaged else ():
            place = IndividualRow.generation_id == row["generation_id"], IndividualRow.index == row["index"]
            session.execute(delete(IndividualRow).where(IndividualRow.id.in_(damaged), *place))

    def _generation_id(self, session: Session, study: int, index: int) -> int:
        """Return the number of a generation that is stored; asked for once, as it never changes."""
        if (study, index) not in self._generation_ids:
            query = select(GenerationRow.id).where(GenerationRow.study_id == study, GenerationRow.index == index)
            self._generation_ids[study, index] = session.scalars(query).one()
        return self._generation_ids[study, index]

    @contextmanager
    def _writing_results(self) -> Iterator[tuple[Session, int]]:
        """Open a session for writing, with the number of this process's provenance, which ends with its last write."""
        if self._provenance is None:
            raise ValueError("a store without provenance is for reading only")
        with self._database.writing() as session:
            if self._provenance_id is None:
                row = codecs.encode_provenance(self._provenance, ended=now())
                session.add(row)
                session.flush()
                number = row.id
            else:
                number = self._provenance_id
                session.execute(update(ProvenanceRow).where(ProvenanceRow.id == number).values(ended=now()))
            yield session, number
        self._provenance_id = number


_WITH_INDIVIDUALS = (
    selectinload(StudyRow.generations).selectinload(GenerationRow.individuals),
    joinedload(StudyRow.state),
)
_WITH_MILESTONES = (
    selectinload(RunSetRow.runs).selectinload(RunRow.milestones).selectinload(MilestoneRow.scores),
    selectinload(RunSetRow.runs).selectinload(RunRow.provenance),  # few, of many runs
)


_OWNED = {
    StudyRow: (GenerationRow, IndividualRow, MetaTrainingStateRow, StudyAnnotationRow),
    RunSetRow: (RunSetRow, RunRow, MilestoneRow, ScoreRow, CurveRow, MetricHistoryRow, RunSetAnnotationRow),
}


def _latest(table: type[_Row], identity: str) -> Select[_Row]:
    return select(table).where(table.identity == identity).order_by(table.id.desc())


def _numbered_spec(row: StudyRow) -> tuple[int, StudySpec]:
    return row.id, codecs.decode_study_spec(row)


def _like(table: type[_Row], spec: StudySpec | RunSetSpec) -> Select[_Row]:
    """Return the query for rows of the same task and optimizer, by name."""
    return select(table).where(table.task == spec.task.name, table.optimizer == spec.optimizer.name)


def _has_version(spec: StudySpec | RunSetSpec) -> bool:
    return bool(spec.task.version or spec.optimizer.version)


def _check_code(kind: str, number: int, stored: _Spec, spec: _Spec) -> None:
    """Refuse to start `spec` beside an unfinished one that is equal but for the version of its code."""
    if _without_versions(stored) != _without_versions(spec):
        return
    changed = spec.task if stored.task != spec.task else spec.optimizer
    former = stored.task if stored.task != spec.task else stored.optimizer
    raise CodeChangedError(kind, number, changed.name, former.version, changed.version)


def _without_versions(spec: _Spec) -> _Spec:
    return replace(spec, task=replace(spec.task, version=""), optimizer=replace(spec.optimizer, version=""))


def _of_task(table: type[_Row], task: str | None) -> Select[_Row]:
    query = select(table).order_by(table.id)
    return query if task is None else query.where(table.task == task)


def _generation(study: int, index: int) -> Select[GenerationRow]:
    return select(GenerationRow).where(GenerationRow.study_id == study, GenerationRow.index == index)


def _run(run_set: int, seed: int) -> Select[RunRow]:
    return select(RunRow).where(RunRow.run_set_id == run_set, RunRow.seed == seed)


def _searched(row: StudyRow) -> tuple[str, ...]:
    """Return the names of the hyperparameters that a study searches, which its first generation has."""
    means = [cast("object", generation.mean) for generation in row.generations if generation.index == 0]
    return tuple(name for mean in means if isinstance(mean, dict) for name in mean)


def _summaries(studies: Select[StudyRow]) -> Select[StudyRow, bytes | None, int, int, int, int | None, float | None]:
    """Return the query for studies with their weights and the sums over their individuals."""
    return (
        studies.add_columns(
            MetaTrainingStateRow.weights,
            func.count(GenerationRow.id.distinct()),
            func.count(IndividualRow.id),
            func.count(IndividualRow.fitness),  # only finite ones are not null
            func.sum(IndividualRow.steps),
            func.sum(IndividualRow.seconds),
        )
        .outerjoin(StudyRow.state)
        .outerjoin(StudyRow.generations.and_(SOUND_GENERATION))
        .outerjoin(GenerationRow.individuals.and_(SOUND_INDIVIDUAL))
        .group_by(StudyRow.id, MetaTrainingStateRow.study_id)
        .options(selectinload(StudyRow.generations))  # which tell the names of the hyperparameters
    )


def _study_summary(
    row: StudyRow,
    weights: bytes | None,
    num_generations: int,
    num_individuals: int,
    num_finite: int,
    steps: int | None,
    seconds: float | None,
    damages: Damages,
) -> StudySummary:
    return StudySummary(
        id=row.id,
        spec=codecs.decode_study_spec(row),
        result=codecs.decode_result(row, weights or b"", damages),
        num_generations=num_generations,
        num_individuals=num_individuals,
        has_finite_loss=num_finite > 0,
        steps=int(steps or 0),  # sums of PostgreSQL are decimal numbers
        seconds=seconds or 0.0,
        created=codecs.decode_created(row, damages),
        annotation=codecs.decode_annotation(row.annotation, damages),
        searched=_searched(row),
    )


def _check_number(session: Session, kind: str, number: int, column: InstrumentedAttribute[int]) -> None:
    # No database has integers of any size.
    if abs(number) < 2**31 and session.scalar(select(column).where(column == number)) is not None:
        return
    raise UnknownNameError(kind, str(number), map(str, session.scalars(select(column).order_by(column))))


def _unused_number(session: Session, table: type[_Row]) -> int | None:
    """Return the number of a new row, or None where the database itself gives one that no row ever had.

    SQLite counts on from the largest number that there is, which would be that of a deleted row.
    """
    if session.get_bind().dialect.name != "sqlite":
        return None
    kind = "study" if table is StudyRow else "run-set"
    deleted = session.scalar(select(func.max(DeletionRow.number)).where(DeletionRow.kind == kind)) or 0
    return None if deleted <= (session.scalar(select(func.max(table.id))) or 0) else deleted + 1
