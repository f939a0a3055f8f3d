"""Version 7 to 8: steps, evaluations and seeds have 64 bits on servers, too. SQLite's integers always had."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Integer

_COLUMNS = (
    ("generations", "steps"),
    ("individuals", "steps"),
    ("runs", "seed"),
    ("runs", "steps"),
    ("runs", "evaluations"),
)


def upgrade(operations: Operations) -> None:
    """Widen the columns; change nothing in a file."""
    if operations.get_bind().dialect.name == "sqlite":
        return
    for table, column in _COLUMNS:
        operations.alter_column(table, column, type_=BigInteger(), existing_type=Integer(), existing_nullable=False)
