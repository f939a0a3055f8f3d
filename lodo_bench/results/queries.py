"""Queries for studies and run sets alike."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lodo_bench.errors import UnknownNameError
from lodo_bench.results.schema import DeletionRow, RunSetRow, StudyRow
from lodo_bench.spec.run_set import RunSetSpec
from lodo_bench.spec.study import StudySpec

_Row = TypeVar("_Row", StudyRow, RunSetRow)


def latest(table: type[_Row], identity: str) -> Select[_Row]:
    """Return the query for rows of a specification, newest first."""
    return select(table).where(table.identity == identity).order_by(table.id.desc())


def like(table: type[_Row], spec: StudySpec | RunSetSpec) -> Select[_Row]:
    """Return the query for rows of the same task and optimizer, by name."""
    return select(table).where(table.task == spec.task.name, table.optimizer == spec.optimizer.name)


def of_task(table: type[_Row], task: str | None) -> Select[_Row]:
    """Return the query for all rows, or those of a task, oldest first."""
    query = select(table).order_by(table.id)
    return query if task is None else query.where(table.task == task)


def check_number(session: Session, kind: str, number: int, column: InstrumentedAttribute[int]) -> None:
    """Raise an `UnknownNameError` if no row has a number."""
    # No database has integers of any size.
    if abs(number) < 2**31 and session.scalar(select(column).where(column == number)) is not None:
        return
    raise UnknownNameError(kind, str(number), map(str, session.scalars(select(column).order_by(column))))


def unused_number(session: Session, table: type[_Row]) -> int | None:
    """Return the number of a new row, or None where the database itself gives one that no row ever had.

    SQLite counts on from the largest number that there is, which would be that of a deleted row.
    """
    if session.get_bind().dialect.name != "sqlite":
        return None
    kind = "study" if table is StudyRow else "run-set"
    deleted = session.scalar(select(func.max(DeletionRow.number)).where(DeletionRow.kind == kind)) or 0
    return None if deleted <= (session.scalar(select(func.max(table.id))) or 0) else deleted + 1
