"""Version 5 to 6: tasks and optimizers may have a version, and optimizers a search space and a recipe.

Where there is none, the field is left out, so nothing changes in what is stored already. The new number keeps former
programs from reading specifications that they would take for others.
"""

from __future__ import annotations

from alembic.operations import Operations


def upgrade(operations: Operations) -> None:
    """Change nothing."""
