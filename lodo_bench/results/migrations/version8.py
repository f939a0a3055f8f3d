"""Version 7 to 8: long curves in blocks, and integers of 64 bits on servers.

In curves of more than 2^20 steps, later steps share the mean of a block. Curves that are stored already keep a loss for
each step, which their length tells; the new number keeps former programs from taking blocks for steps. Steps,
evaluations and seeds have 64 bits on servers, too; SQLite's integers always had.
"""

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
