"""Reading and writing results: the only interface to the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Select, func, insert, null, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from lodo_bench.errors import CodeChangedError, UnknownNameError
from lodo_bench.results import codecs
from lodo_bench.results.database import Database
from lodo_bench.results.schema import (
    DeletionRow,
    GenerationRow,
    IndividualRow,
    MetaTrainingStateRow,
    MilestoneRow,
    ProvenanceRow,
    RunRow,
    RunSetRow,
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

    @property
    def location(self) -> str:
        """The file or URL of the database, without a password."""
        return self._database.location

    @property
    def folder(self) -> Path | None:
        """The folder of files that belong to the database; None for a database in memory."""
        return self._database.folder

    # Studies

    def open_study(self, spec: StudySpec, *, fresh: bool) -> StudyRecord:
        """Return the latest study of exactly this specification, or a new one if there is none or `fresh` is set.

        Raises:
            CodeChangedError: if there is an unfinished one that differs only in the version of its code.
        """
        identity = codecs.study_identity(spec)
        with self._database.writing() as session:
            row = None if fresh else session.scalar(_latest(StudyRow, identity))
            if row is None and not fresh and _has_version(spec):
                unfinished = _like(StudyRow, spec).where(StudyRow.hyperparameters.is_(null()))
                for other in session.scalars(unfinished):
                    _check_code("study", other.id, codecs.decode_study_spec(other.spec), spec)
            if row is None:
                row = StudyRow(
                    id=_unused_number(session, StudyRow),
                    identity=identity,
                    task=spec.task.name,
                    optimizer=spec.optimizer.name,
                    spec=encode(spec),
                    created=now(),
                    generations=[],
                )
                session.add(row)
                session.flush()
            return codecs.decode_study(row)

    def find_study(self, spec: StudySpec) -> StudyRecord | None:
        """Return the latest study of exactly this specification; None if there is none."""
        with self._database.reading() as session:
            row = session.scalar(_latest(StudyRow, codecs.study_identity(spec)))
            return None if row is None else codecs.decode_study(row)

    def add_generation(self, study: int, generation: GenerationRecord) -> None:
        """Store a generation that has opened, unless it is stored already."""
        with self._database.writing() as session:
            if session.scalar(_generation(study, generation.index)) is None:
                session.add(GenerationRow(study_id=study, **asdict(generation)))

    def add_individuals(self, individuals: Mapping[int, Sequence[IndividualRecord]]) -> None:
        """Store evaluated individuals of stored generations by study, and the latest states of meta-trainings."""
        with self._writing_results() as (session, provenance):
            for study, members in individuals.items():
                rows = [
                    codecs.encode_individual(m, self._generation_id(session, study, m.generation), provenance)
                    for m in members
                ]
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
            return session.get_one(MetaTrainingStateRow, study).weights

    def studies(self, task: str | None = None) -> list[StudyRecord]:
        """Return all studies with all of their individuals, oldest first, or those of one task."""
        with self._database.reading() as session:
            query = _of_task(StudyRow, task).options(*_WITH_INDIVIDUALS)
            return [codecs.decode_study(row) for row in session.scalars(query)]

    def study_summaries(self, task: str | None = None) -> list[StudySummary]:
        """Return all studies in numbers, oldest first, or those of one task."""
        with self._database.reading() as session:
            return _study_summaries(session, _of_task(StudyRow, task))

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
            return codecs.decode_study(session.get_one(StudyRow, number, options=_WITH_INDIVIDUALS))

    def studies_of(self, task: TaskSpec, optimizer: OptimizerSpec) -> list[StudySummary]:
        """Return the studies of an optimizer on a task, both with exactly these options, in numbers, oldest first."""
        named = select(StudyRow).where(StudyRow.task == task.name, StudyRow.optimizer == optimizer.name)
        with self._database.reading() as session:
            found = _study_summaries(session, named.order_by(StudyRow.id))
        return [study for study in found if (study.spec.task, study.spec.optimizer) == (task, optimizer)]

    def study_summary(self, number: int) -> StudySummary:
        """Return one study in numbers.

        Raises:
            UnknownNameError: if there is none.
        """
        with self._database.reading() as session:
            _check_number(session, "study", number, StudyRow.id)
            (found,) = _study_summaries(session, select(StudyRow).where(StudyRow.id == number))
            return found

    def provenances(self, study: int) -> list[Provenance]:
        """Return the invocations of the program that evaluated individuals of a study, oldest first."""
        used = select(IndividualRow.provenance_id).join(GenerationRow, GenerationRow.id == IndividualRow.generation_id)
        query = select(ProvenanceRow).where(ProvenanceRow.id.in_(used.where(GenerationRow.study_id == study)))
        with self._database.reading() as session:
            return [codecs.decode_provenance(row) for row in session.scalars(query.order_by(ProvenanceRow.id))]

    # Final runs

    def open_run_set(self, spec: RunSetSpec, *, fresh: bool = False) -> RunSetRecord:
        """Return the latest run set of exactly this specification, finished or not, or a new one.

        It is a new one if there is none, if `fresh` is set, or if the latest is finished and runs of it failed.

        Raises:
            CodeChangedError: if there is an unfinished one that differs only in the version of its code.
            UnknownNameError: if its hyperparameters are those of a study that is not in this database.
        """
        identity = codecs.run_set_identity(spec)
        with self._database.writing() as session:
            if spec.hyperparameters.study_id is not None:
                _check_number(session, "study", spec.hyperparameters.study_id, StudyRow.id)
            row = None if fresh else session.scalar(_latest(RunSetRow, identity))
            if row is not None and ((record := codecs.decode_run_set(row)).missing_seeds or not record.has_failed):
                return record
            if not fresh and _has_version(spec):
                for other in map(codecs.decode_run_set, session.scalars(_like(RunSetRow, spec))):
                    if other.missing_seeds:
                        _check_code("run set", other.id, other.spec, spec)
            row = RunSetRow(
                id=_unused_number(session, RunSetRow),
                identity=identity,
                task=spec.task.name,
                optimizer=spec.optimizer.name,
                spec=codecs.encode_run_set_spec(spec),
                study_id=spec.hyperparameters.study_id,
                created=now(),
                runs=[],
            )
            session.add(row)
            session.flush()
            return codecs.decode_run_set(row)

    def find_run_set(self, spec: RunSetSpec) -> RunSetRecord | None:
        """Return the latest run set of exactly this specification, finished or not; None if there is none."""
        with self._database.reading() as session:
            row = session.scalar(_latest(RunSetRow, codecs.run_set_identity(spec)))
            return None if row is None else codecs.decode_run_set(row)

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        """Store a run, in place of an interrupted one with the same seed."""
        with self._writing_results() as (session, provenance):
            former = session.scalar(_run(run_set, run.seed))
            if former is not None and former.status == Status.INTERRUPTED:
                session.delete(former)
                session.flush()
            session.add(codecs.encode_run(run, curve, run_set, provenance))

    def run_sets(self, task: str | None = None) -> list[RunSetRecord]:
        """Return all run sets without their curves, oldest first, or those of one task."""
        with self._database.reading() as session:
            query = _of_task(RunSetRow, task).options(*_WITH_MILESTONES)
            return [codecs.decode_run_set(row) for row in session.scalars(query)]

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
            return codecs.decode_run_set(session.get_one(RunSetRow, number, options=_WITH_MILESTONES))

    def metrics(self, run_set: int, seed: int) -> dict[str, MetricHistory]:
        """Return the metrics of one run by name."""
        with self._database.reading() as session:
            return codecs.decode_metrics(session.scalars(_run(run_set, seed)).one())

    def curve(self, run_set: int, seed: int) -> Curve:
        """Return the whole curve of one run."""
        with self._database.reading() as session:
            return codecs.decode_curve(session.scalars(_run(run_set, seed)).one())

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
    selectinload(RunSetRow.runs).joinedload(RunRow.provenance),
)


def _latest(table: type[_Row], identity: str) -> Select[_Row]:
    return select(table).where(table.identity == identity).order_by(table.id.desc()).limit(1)


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


def _study_summaries(session: Session, studies: Select[StudyRow]) -> list[StudySummary]:
    """Return studies in numbers: two queries, which read no individual."""
    numbers = studies.with_only_columns(StudyRow.id).order_by(None)
    first = select(GenerationRow.study_id, GenerationRow.mean).where(
        GenerationRow.index == 0, GenerationRow.study_id.in_(numbers)
    )
    searched = {study: tuple(mean) for study, mean in session.execute(first)}
    found = [_study_summary(*row) for row in session.execute(_summaries(studies))]
    return [replace(study, searched=searched.get(study.id, ())) for study in found]


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
        .outerjoin(StudyRow.generations)
        .outerjoin(GenerationRow.individuals)
        .group_by(StudyRow.id, MetaTrainingStateRow.study_id)
    )


def _study_summary(
    row: StudyRow,
    weights: bytes | None,
    num_generations: int,
    num_individuals: int,
    num_finite: int,
    steps: int | None,
    seconds: float | None,
) -> StudySummary:
    return StudySummary(
        id=row.id,
        spec=codecs.decode_study_spec(row.spec),
        result=codecs.decode_result(row, weights or b""),
        num_generations=num_generations,
        num_individuals=num_individuals,
        has_finite_loss=num_finite > 0,
        steps=int(steps or 0),  # sums of PostgreSQL are decimal numbers
        seconds=seconds or 0.0,
        created=row.created,
        annotation=codecs.decode_annotation(row.annotation),
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
