"""Changes to stored studies and run sets by hand: deletion, notes and tags. Each is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lodo_bench.errors import Remedy, UnknownNameError, UsageError
from lodo_bench.results.codecs.annotations import decode_annotation
from lodo_bench.results.codecs.specifications import weights_study_id
from lodo_bench.results.database import Database
from lodo_bench.results.schema import (
    CurveRow,
    DeletionRow,
    GenerationRow,
    IndividualRow,
    MetaTrainingStateRow,
    MetricHistoryRow,
    MilestoneRow,
    RunRow,
    RunSetAnnotationRow,
    RunSetRow,
    ScoreRow,
    StudyAnnotationRow,
    StudyRow,
    now,
)
from lodo_bench.spec.annotation import Annotation

RecordKind = Literal["study", "run-set"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """Records that are deleted together.

    Attributes:
        studies, run_sets: their numbers.
        runs, individuals: how many belong to them.
    """

    studies: tuple[int, ...]
    run_sets: tuple[int, ...]
    runs: int
    individuals: int


def plan_deletion(database: Database, kind: RecordKind, numbers: Sequence[int], *, with_runs: bool) -> Deletion:
    """Return what `delete_records` would delete.

    Raises:
        UsageError: as `delete_records`.
    """
    with database.reading() as session:
        return _plan(session, kind, numbers, with_runs)


def delete_records(database: Database, kind: RecordKind, numbers: Sequence[int], *, with_runs: bool) -> Deletion:
    """Delete studies or run sets with everything that belongs to them, also their checkpoints and stored networks.

    Args:
        database: an open database.
        kind: what the numbers are of.
        numbers: at least one.
        with_runs: also delete the run sets at the results of the studies.

    Raises:
        UnknownNameError: if there is no such study or run set.
        UsageError: if run sets use the result of a study, and `with_runs` is not set.
    """
    with database.writing() as session:
        plan = _plan(session, kind, numbers, with_runs)
        _delete_run_sets(session, plan.run_sets)
        _delete_studies(session, plan.studies)
        deleted = [*(("study", n) for n in plan.studies), *(("run-set", n) for n in plan.run_sets)]
        session.add_all(DeletionRow(kind=kind, number=number, deleted=now()) for kind, number in deleted)
    if database.folder is not None:
        for number in plan.run_sets:
            for path in [*database.folder.glob(f"{number}-*"), *database.folder.glob(f".{number}-*")]:
                path.unlink(missing_ok=True)
    return plan


def annotate(
    database: Database, kind: RecordKind, number: int, change: Callable[[Annotation], Annotation]
) -> Annotation:
    """Replace the annotation of a study or run set by what `change` makes of it, and return it.

    Raises:
        UnknownNameError: if there is no such study or run set.
        UsageError: if `change` raises it; then nothing is changed.
    """
    with database.writing() as session:
        _check_numbers(session, kind, [number], StudyRow.id if kind == "study" else RunSetRow.id)
        if kind == "study":
            found = change(decode_annotation(session.get(StudyAnnotationRow, number), database.damages))
            session.merge(StudyAnnotationRow(study_id=number, note=found.note, tags=list(found.tags)))
        else:
            found = change(decode_annotation(session.get(RunSetAnnotationRow, number), database.damages))
            session.merge(RunSetAnnotationRow(run_set_id=number, note=found.note, tags=list(found.tags)))
    return found


def _plan(session: Session, kind: RecordKind, numbers: Sequence[int], with_runs: bool) -> Deletion:
    numbers = tuple(dict.fromkeys(numbers))
    if kind == "run-set":
        _check_numbers(session, kind, numbers, RunSetRow.id)
        studies, run_sets = tuple[int, ...](), numbers
    else:
        _check_numbers(session, kind, numbers, StudyRow.id)
        studies, run_sets = numbers, tuple(_at_results(session, numbers))
        if run_sets and not with_runs:
            listed = ", ".join(map(str, run_sets))
            raise UsageError(
                f"the results of {_named('study', 'studies', studies)} are used by "
                f"{_named('run set', 'run sets', run_sets)}, whose hyperparameters would lose their source.",
                remedy=Remedy.DELETE_WITH_RUNS,
                run_sets=listed,
            )
    runs = session.scalar(_count(RunRow.id).where(RunRow.run_set_id.in_(run_sets))) or 0
    members = _count(IndividualRow.id).where(IndividualRow.generation_id.in_(_generations(studies)))
    return Deletion(studies, run_sets, runs, session.scalar(members) or 0)


def _named(singular: str, plural: str, numbers: Sequence[int]) -> str:
    return f"{singular if len(numbers) == 1 else plural} {', '.join(map(str, numbers))}"


def _at_results(session: Session, studies: Sequence[int]) -> list[int]:
    """Return the run sets with the values or the weights of these studies."""
    rows = session.execute(select(RunSetRow.id, RunSetRow.study_id, RunSetRow.spec).order_by(RunSetRow.id))
    return [number for number, study, spec in rows if study in studies or weights_study_id(spec) in studies]


def _delete_run_sets(session: Session, numbers: Sequence[int]) -> None:
    runs = select(RunRow.id).where(RunRow.run_set_id.in_(numbers))
    milestones = select(MilestoneRow.id).where(MilestoneRow.run_id.in_(runs))
    session.execute(delete(ScoreRow).where(ScoreRow.milestone_id.in_(milestones)))
    for table in (MilestoneRow, CurveRow, MetricHistoryRow):
        session.execute(delete(table).where(table.run_id.in_(runs)))
    for owned in (RunRow, RunSetAnnotationRow):
        session.execute(delete(owned).where(owned.run_set_id.in_(numbers)))
    session.execute(delete(RunSetRow).where(RunSetRow.id.in_(numbers)))


def _delete_studies(session: Session, numbers: Sequence[int]) -> None:
    session.execute(delete(IndividualRow).where(IndividualRow.generation_id.in_(_generations(numbers))))
    for table in (GenerationRow, MetaTrainingStateRow, StudyAnnotationRow):
        session.execute(delete(table).where(table.study_id.in_(numbers)))
    session.execute(delete(StudyRow).where(StudyRow.id.in_(numbers)))


def _generations(studies: Iterable[int]) -> Select[int]:
    return select(GenerationRow.id).where(GenerationRow.study_id.in_(list(studies)))


def _count(column: InstrumentedAttribute[int]) -> Select[int]:
    return select(func.count(column))


def _check_numbers(
    session: Session, kind: RecordKind, numbers: Sequence[int], column: InstrumentedAttribute[int]
) -> None:
    known = session.scalars(select(column).order_by(column)).all()
    for number in numbers:
        if number not in known:
            raise UnknownNameError(kind.replace("-", " "), str(number), map(str, known))
