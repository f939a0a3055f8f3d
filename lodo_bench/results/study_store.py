"""Reading and writing studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

from sqlalchemy import Select, delete, func, insert, null, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lodo_bench.errors import DatabaseError, Remedy
from lodo_bench.results.code_changes import check_code, has_version
from lodo_bench.results.codecs.annotations import decode_annotation, decode_created
from lodo_bench.results.codecs.provenances import decode_provenance
from lodo_bench.results.codecs.specifications import decode_study_spec, study_identity
from lodo_bench.results.codecs.studies import (
    decode_kinds,
    decode_result,
    decode_study,
    encode_individual,
    is_sound_generation,
    is_sound_state,
)
from lodo_bench.results.counted import SOUND_GENERATION, SOUND_INDIVIDUAL, note_unsound
from lodo_bench.results.damage import Damages
from lodo_bench.results.database import Database
from lodo_bench.results.queries import check_number, latest, like, of_task, unused_number
from lodo_bench.results.schema import GenerationRow, IndividualRow, MetaTrainingStateRow, ProvenanceRow, StudyRow, now
from lodo_bench.results.store_base import StoreBase
from lodo_bench.spec.encoding import encode
from lodo_bench.spec.options import Kind
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord, StudySpec, StudySummary
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, Tuned


class StudyStore(StoreBase):
    """Studies in a database; see `StoreBase`."""

    def __init__(self, database: Database, provenance: Provenance | None = None) -> None:
        super().__init__(database, provenance)
        self._generation_ids: dict[tuple[int, int], int] = {}

    def open_study(self, spec: StudySpec, *, fresh: bool, kinds: Mapping[str, Kind] | None = None) -> StudyRecord:
        """Return the latest study of exactly this specification, or a new one if there is none or `fresh` is set.

        Args:
            spec: the specification.
            fresh: whether to open a new one in any case.
            kinds: those of the hyperparameters of its optimizer, which are stored with a new one.

        Raises:
            CodeChangedError: if there is an unfinished one that differs only in the version of its code.
        """
        with self._database.writing() as session:
            found = None if fresh else self._latest_study(session, spec, to_resume=True)
            if found is not None:
                return found
            if not fresh and has_version(spec):
                unfinished = session.scalars(like(StudyRow, spec).where(StudyRow.hyperparameters.is_(null())))
                for number, other in self._damages.sound(unfinished, _numbered_spec):
                    check_code("study", number, other, spec)
            row = StudyRow(
                id=unused_number(session, StudyRow),
                identity=study_identity(spec),
                task=spec.task.name,
                optimizer=spec.optimizer.name,
                spec=encode(spec),
                kinds=None if kinds is None else dict(kinds),
                created=now(),
                generations=[],
            )
            session.add(row)
            session.flush()
            return decode_study(row, self._damages)

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
            elif not is_sound_generation(row, self._damages):
                row.sigma, row.steps, row.mean = generation.sigma, generation.steps, dict(generation.mean)

    def add_individuals(self, individuals: Mapping[int, Sequence[IndividualRecord]]) -> None:
        """Store evaluated individuals of stored generations by study, and the latest states of meta-trainings."""
        with self._writing_results() as (session, provenance):
            for study, members in individuals.items():
                rows = [
                    encode_individual(m, self._generation_id(session, study, m.generation), provenance) for m in members
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
            if row is None or not is_sound_state(row, self._damages):
                what = "missing from" if row is None else "damaged in"
                raise DatabaseError(
                    f"the weights of study {study} are {what} '{self.location}'.", remedy=Remedy.TUNE_FRESH
                )
            return row.weights

    def studies(self, task: str | None = None) -> list[StudyRecord]:
        """Return all studies with all of their individuals, oldest first, or those of one task."""
        with self._database.reading() as session:
            self._note_orphans(session, StudyRow)
            query = of_task(StudyRow, task).options(*_WITH_INDIVIDUALS)
            return list(self._damages.sound(session.scalars(query), self._decode_study))

    def study_summaries(self, task: str | None = None) -> list[StudySummary]:
        """Return all studies in numbers, oldest first, or those of one task."""
        with self._database.reading() as session:
            return self._summaries_of(session, of_task(StudyRow, task))

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
            check_number(session, "study", number, StudyRow.id)
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
            check_number(session, "study", number, StudyRow.id)
            return self._only(
                "study", number, self._summaries_of(session, select(StudyRow).where(StudyRow.id == number))
            )

    def provenances(self, study: int) -> list[Provenance]:
        """Return the invocations of the program that evaluated individuals of a study, oldest first."""
        used = select(IndividualRow.provenance_id).join(GenerationRow, GenerationRow.id == IndividualRow.generation_id)
        query = select(ProvenanceRow).where(ProvenanceRow.id.in_(used.where(GenerationRow.study_id == study)))
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(ProvenanceRow.id))
            return list(self._damages.sound(rows, decode_provenance))

    def _decode_study(self, row: StudyRow) -> StudyRecord:
        return decode_study(row, self._damages)

    def _latest_study(self, session: Session, spec: StudySpec, *, to_resume: bool = False) -> StudyRecord | None:
        """Return the latest sound study of a specification; None if there is none."""
        rows = session.scalars(latest(StudyRow, study_identity(spec)))
        decode = partial(decode_study, damages=self._damages, to_resume=to_resume)
        return next(self._damages.sound(rows, decode), None)

    def _summaries_of(self, session: Session, studies: Select[StudyRow]) -> list[StudySummary]:
        self._note_orphans(session, StudyRow)
        rows = session.execute(_summaries(studies)).all()
        counted = sum(row.num_generations for row in rows), sum(row.num_individuals for row in rows)
        if counted != _num_stored(session, studies):
            note_unsound(session, self._damages, SOUND_INDIVIDUAL, SOUND_GENERATION)
        return list(self._damages.sound(rows, lambda row: _study_summary(*row, damages=self._damages)))

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


_WITH_INDIVIDUALS = (
    selectinload(StudyRow.generations).selectinload(GenerationRow.individuals),
    joinedload(StudyRow.state),
)


def _numbered_spec(row: StudyRow) -> tuple[int, StudySpec]:
    return row.id, decode_study_spec(row)


def _generation(study: int, index: int) -> Select[GenerationRow]:
    return select(GenerationRow).where(GenerationRow.study_id == study, GenerationRow.index == index)


def _searched(row: StudyRow, damages: Damages) -> tuple[str, ...]:
    """Return the names of the hyperparameters that a study searches, which each generation has."""
    if kinds := decode_kinds(row, damages):
        return tuple(kinds)  # its generations need not be read
    sound = (generation for generation in row.generations if is_sound_generation(generation, damages))
    return next((tuple(generation.mean) for generation in sound), ())


def _summaries(studies: Select[StudyRow]) -> Select[StudyRow, bytes | None, int, int, int, int | None, float | None]:
    """Return the query for studies with their weights and the sums over their individuals."""
    return (
        studies.add_columns(
            MetaTrainingStateRow.weights,
            func.count(GenerationRow.id.distinct()).label("num_generations"),
            func.count(IndividualRow.id).label("num_individuals"),
            func.count(IndividualRow.fitness),  # only finite ones are not null
            func.sum(IndividualRow.steps),
            func.sum(IndividualRow.seconds),
        )
        .outerjoin(StudyRow.state)
        .outerjoin(StudyRow.generations.and_(SOUND_GENERATION))
        .outerjoin(GenerationRow.individuals.and_(SOUND_INDIVIDUAL))
        .group_by(StudyRow.id, MetaTrainingStateRow.study_id)
    )


def _num_stored(session: Session, studies: Select[StudyRow]) -> tuple[int, int]:
    """Return the numbers of generations and individuals of studies, sound or not."""
    numbers = studies.with_only_columns(StudyRow.id).order_by(None)
    generations = select(GenerationRow.id).where(GenerationRow.study_id.in_(numbers))
    individuals = select(IndividualRow.id).where(IndividualRow.generation_id.in_(generations))
    counts = [session.scalar(select(func.count()).select_from(ids.subquery())) for ids in (generations, individuals)]
    return counts[0] or 0, counts[1] or 0


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
        spec=decode_study_spec(row),
        result=decode_result(row, weights or b"", damages),
        num_generations=num_generations,
        num_individuals=num_individuals,
        has_finite_loss=num_finite > 0,
        steps=int(steps or 0),  # sums of PostgreSQL are decimal numbers
        seconds=seconds or 0.0,
        created=decode_created(row, damages),
        annotation=decode_annotation(row.annotation, damages),
        searched=_searched(row, damages) if num_generations else (),
    )
