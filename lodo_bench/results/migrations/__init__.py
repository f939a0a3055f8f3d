"""Migrations of the results database: one module for each step from a schema version to the next.

A step imports nothing from the package but `documents` here, as names may change: it knows only the two versions that
it connects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection

from lodo_bench.results.migrations import version4, version5, version6, version7, version8, version9, version10

_STEPS: Mapping[int, Callable[[Operations], None]] = {
    4: version4.upgrade,
    5: version5.upgrade,
    6: version6.upgrade,
    7: version7.upgrade,
    8: version8.upgrade,
    9: version9.upgrade,
    10: version10.upgrade,
}  # by the version that it leads to


def migrate(connection: Connection, version: int, target: int) -> None:
    """Bring the schema from `version` to `target`, in the transaction of `connection`."""
    operations = Operations(MigrationContext.configure(connection))
    for step in range(version + 1, target + 1):
        _STEPS[step](operations)
