"""The specifications of studies and run sets, and the digests by which equal ones are found."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from lodo_bench.results.damage import Fields, is_text
from lodo_bench.results.schema import JsonObject, RunSetRow, StudyRow
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.encoding import encode
from lodo_bench.spec.run_set import Hyperparameters, RunSetSpec
from lodo_bench.spec.study import GenerationPlan, Schedule, StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec


def study_identity(spec: StudySpec) -> str:
    """Return the digest that equal studies share, regardless of the names of their schedules."""
    return _digest(encode(replace(spec, schedule=replace(spec.schedule, name=""))))


def run_set_identity(spec: RunSetSpec) -> str:
    """Return the digest that equal run sets share, regardless of the stated source of their hyperparameters."""
    return _digest(
        encode_run_set_spec(replace(spec, hyperparameters=replace(spec.hyperparameters, provenance_note="")))
    )


def encode_run_set_spec(spec: RunSetSpec) -> JsonObject:
    """Return a specification as JSON, without the study of its hyperparameters, which is a column."""
    document = encode(spec)
    del document["hyperparameters"]["study_id"]
    return document


def _digest(document: JsonObject) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def decode_study_spec(row: StudyRow) -> StudySpec:
    """Return the specification of a study."""
    document = _identified(row, "schedule", "name")
    schedule = dict(document["schedule"])
    schedule["generations"] = tuple(GenerationPlan(**plan) for plan in schedule["generations"])
    return StudySpec(**{**document, **_decode_common(document), "schedule": Schedule(**schedule)})


def decode_run_set_spec(row: RunSetRow) -> RunSetSpec:
    """Return the specification of a run set."""
    document = _identified(row, "hyperparameters", "provenance_note")
    study_id = row.study_id if isinstance(row.study_id, int) else None
    hyperparameters = Hyperparameters(**document["hyperparameters"], study_id=study_id)
    return RunSetSpec(**{**document, **_decode_common(document), "hyperparameters": hyperparameters})


def weights_study_id(document: object) -> object:
    """Return the study whose weights a stored specification of runs names, which may be damaged; None for none."""
    values = document.get("hyperparameters") if isinstance(document, dict) else None
    return values.get("weights_study_id") if isinstance(values, dict) else None


def _identified(row: StudyRow | RunSetRow, *label: str) -> JsonObject:
    """Return the specification of a row, which must be the one that the digest beside it is of.

    `label` is the path of the value that does not count: two are equal whatever it is.
    """
    fields = Fields(row)
    document = fields.document("spec")
    try:
        part, name = label
        named = {**document, part: {**document[part], name: ""}}
        is_intact = is_text(document[part][name]) and _digest(named) == row.identity
        is_intact &= (row.task, row.optimizer) == (document["task"]["name"], document["optimizer"]["name"])
    except (KeyError, TypeError, ValueError):
        is_intact = False
    if not is_intact:
        raise fields.damaged(
            "its specification was changed: it is not the one that its identity, task and optimizer say"
        )
    return document


def _decode_common(document: JsonObject) -> JsonObject:
    """Return the values that specifications of studies and of run sets have in common."""
    return {
        "task": TaskSpec(**document["task"]),
        "optimizer": OptimizerSpec(**document["optimizer"]),
        "compute": ComputeSpec(**document["compute"]),
    }
