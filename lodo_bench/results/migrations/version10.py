"""Version 9 to 10: studies have the kinds of the hyperparameters that they search.

Those of studies that are stored already are null: they are asked of the code when they are needed, as before.
"""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, Column


def upgrade(operations: Operations) -> None:
    """Add a column."""
    operations.add_column("studies", Column("kinds", JSON, nullable=True))
