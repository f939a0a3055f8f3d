"""Version 3 to 4: device, dtype and backend become one value, the study of tuned values a column, and names change."""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from typing import Any

from alembic.operations import Operations
from sqlalchemy import JSON, Column, Connection, ForeignKey, Integer, MetaData, String, Table, select, update

from lodo_bench.results.migrations.documents import Document, documents, rewritten

_METADATA = MetaData()
_STUDIES = Table(
    "studies",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(64)),
    Column("spec", JSON),
)
_RUN_SETS = Table(
    "run_sets",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(64)),
    Column("spec", JSON),
    Column("study_id", Integer),
)


def upgrade(operations: Operations) -> None:
    """Change the tables, then rewrite the specifications with their identities."""
    operations.drop_index("ix_series_run_id", "series")
    operations.rename_table("series", "metric_histories")
    operations.create_index("ix_metric_histories_run_id", "metric_histories", ["run_id"])
    operations.rename_table("learned", "meta_training_states")
    with operations.batch_alter_table("meta_training_states") as table:
        table.alter_column("state", new_column_name="state_dict")
    with operations.batch_alter_table("run_sets") as table:
        table.add_column(Column("study_id", Integer, ForeignKey("studies.id", name="fk_run_sets_study_id")))
    connection = operations.get_bind()
    _rewrite_studies(connection)
    _rewrite_run_sets(connection)


def _rewrite_studies(connection: Connection) -> None:
    for number, document in documents(connection, "studies"):
        values = rewritten(_study, document)
        if values is not None:
            connection.execute(update(_STUDIES).where(_STUDIES.c.id == number).values(values))


def _study(document: Document) -> Document:
    """Return the columns of a study."""
    spec: dict[str, Any] = dict(document)
    spec["compute"] = _compute(spec)
    return {"spec": spec, "identity": _identity({**spec, "schedule": {**spec["schedule"], "name": ""}})}


def _rewrite_run_sets(connection: Connection) -> None:
    studies = set(connection.scalars(select(_STUDIES.c.id)))
    for number, document in documents(connection, "run_sets"):
        values = rewritten(partial(_run_set, studies), document)
        if values is not None:
            connection.execute(update(_RUN_SETS).where(_RUN_SETS.c.id == number).values(values))


def _run_set(studies: set[int], document: Document) -> Document:
    """Return the columns of a run set, whose study is one of `studies`."""
    spec: dict[str, Any] = dict(document)
    former = spec["hyperparameters"]
    study_id, note = _split_origin(former["source"], former["origin"], studies)
    spec["hyperparameters"] = {
        "values": former["values"],
        "source": former["source"],
        "provenance_note": note,
        "weights_study_id": former["learned_in"],
    }
    spec["num_seeds"] = spec.pop("seeds")
    spec["compute"] = _compute(spec)
    identity = _identity({**spec, "hyperparameters": {**spec["hyperparameters"], "provenance_note": ""}})
    return {"spec": spec, "identity": identity, "study_id": study_id}


def _compute(spec: Document) -> Document:
    """Take device, dtype and kernel out of a specification."""
    return {"device": spec.pop("device"), "dtype": spec.pop("dtype"), "backend": spec.pop("kernel")}


def _split_origin(source: str, origin: str, studies: set[int]) -> tuple[int | None, str]:
    """Split `study 2, learning rate × 0.5` into the number of the study, if it is among `studies`, and the rest."""
    found = re.match(r"study (\d+)(?:, |$)", origin)
    if source != "tuned" or found is None or int(found[1]) not in studies:
        return None, origin
    return int(found[1]), origin[found.end() :]


def _identity(document: Document) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
