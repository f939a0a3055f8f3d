"""The rows that the database itself adds up: those whose numbers are sound, under the rules of `Fields`.

Adding up in SQL spares reading every row; but SQLite counts a text as 0 without a word.
"""

from __future__ import annotations

import sys

from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lodo_bench.results.column_types import is_stored_as_declared
from lodo_bench.results.damage import MAX_COUNT, Damage, Damages
from lodo_bench.results.schema import Base, GenerationRow, IndividualRow, RunRow
from lodo_bench.spec.outcome import Status

Sound = ColumnElement[bool]


def _between(column: InstrumentedAttribute[int] | InstrumentedAttribute[float], most: float) -> Sound:
    return and_(is_stored_as_declared(column), column >= 0, column <= most)


def _has_status(column: InstrumentedAttribute[str]) -> Sound:
    return column.in_(list(Status))


SOUND_INDIVIDUAL: Sound = and_(
    _between(IndividualRow.steps, MAX_COUNT),
    _between(IndividualRow.seconds, sys.float_info.max),
    is_stored_as_declared(IndividualRow.fitness),
    (IndividualRow.fitness_kind == "finite") == IndividualRow.fitness.is_not(None),
    _has_status(IndividualRow.status),
)
SOUND_GENERATION: Sound = and_(_between(GenerationRow.steps, MAX_COUNT), is_stored_as_declared(GenerationRow.index))
SOUND_RUN: Sound = and_(_between(RunRow.steps, MAX_COUNT), _has_status(RunRow.status))
_REASON = "a number or the status is damaged"


def note_unsound(session: Session, damages: Damages, *conditions: Sound) -> None:
    """Count the rows that are left out of sums under these conditions."""
    for condition in conditions:
        table = _TABLES[condition]
        for number in session.scalars(select(table.id).where(or_(not_(condition), condition.is_(None)))):
            damages.add(Damage(table.__tablename__, number, _REASON))


_TABLES: dict[Sound, type[IndividualRow] | type[GenerationRow] | type[RunRow]] = {
    SOUND_INDIVIDUAL: IndividualRow,
    SOUND_GENERATION: GenerationRow,
    SOUND_RUN: RunRow,
}


def note_orphans(session: Session, damages: Damages, *tables: type[Base]) -> None:
    """Count the rows of tables that belong to a row which is missing."""
    for owned in tables:
        table = owned.__table__
        (key,) = table.primary_key
        for reference in table.foreign_keys:
            column, owner = reference.parent, reference.column
            # SQLite joins several times as fast as it asks for each row whether its owner exists.
            rows = select(key).outerjoin(owner.table, owner == column).where(owner.is_(None))
            for number in session.scalars(rows.where(column.is_not(None)) if column.nullable else rows):
                reason = f"its {column.name} is none of the {str(owner.table).replace('_', ' ')}"
                damages.add(Damage(owned.__tablename__, number, reason))
