"""Version 6 to 7: studies and run sets may have a note and tags, and the numbers of deleted ones are kept."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, Column, ForeignKey, Integer, String


def upgrade(operations: Operations) -> None:
    """Add three tables; nothing changes in those that exist."""
    for kind, table in (("study", "studies"), ("run_set", "run_sets")):
        operations.create_table(
            f"{kind}_annotations",
            Column(f"{kind}_id", Integer, ForeignKey(f"{table}.id"), primary_key=True, nullable=False),
            Column("note", String, nullable=False),
            Column("tags", JSON, nullable=False),
        )
    operations.create_table(
        "deletions",
        Column("id", Integer, primary_key=True, nullable=False),
        Column("kind", String, nullable=False),
        Column("number", Integer, nullable=False),
        Column("deleted", String, nullable=False),
    )
