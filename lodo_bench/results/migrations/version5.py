"""Version 4 to 5: how many individuals a worker trains together is no longer part of a study's identity."""

from __future__ import annotations

import hashlib
import json

from alembic.operations import Operations
from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, select, update

_STUDIES = Table(
    "studies",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("identity", String(64)),
    Column("spec", JSON),
)


def upgrade(operations: Operations) -> None:
    """Rewrite the specifications of studies, with their identities."""
    connection = operations.get_bind()
    for row in connection.execute(select(_STUDIES)).all():
        spec = {name: value for name, value in row.spec.items() if name != "shard_size"}
        identified = {**spec, "schedule": {**spec["schedule"], "name": ""}}
        identity = hashlib.sha256(json.dumps(identified, sort_keys=True).encode()).hexdigest()
        connection.execute(update(_STUDIES).where(_STUDIES.c.id == row.id).values(spec=spec, identity=identity))
