"""Version 8 to 9: run sets have the facts that the code of their optimizer and task stated when they were opened.

Those of run sets that are stored already are null: they are asked of the code when they are needed, as before.
"""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, Column


def upgrade(operations: Operations) -> None:
    """Add a column."""
    operations.add_column("run_sets", Column("facts", JSON, nullable=True))
