"""Version 4 to 5: how many individuals a worker trains together is no longer part of a study's identity."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from alembic.operations import Operations
from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, update

from lodo_bench.results.migrations.documents import Document, documents, rewritten

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
    for number, document in documents(connection, "studies"):
        values = rewritten(_rewrite, document)
        if values is not None:
            connection.execute(update(_STUDIES).where(_STUDIES.c.id == number).values(values))


def _rewrite(document: Document) -> Document:
    """Return the columns of a study."""
    spec: dict[str, Any] = {name: value for name, value in document.items() if name != "shard_size"}
    identified = {**spec, "schedule": {**spec["schedule"], "name": ""}}
    identity = hashlib.sha256(json.dumps(identified, sort_keys=True).encode()).hexdigest()
    return {"spec": spec, "identity": identity}
