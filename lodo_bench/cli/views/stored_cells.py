"""Rows of the lists of studies and run sets, as many columns as fit a narrow terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lodo_bench.report.formatting import NOTHING, number
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

Document = Mapping[str, Any]


def run_set_cells(document: Document) -> Mapping[str, str]:
    """Return the cells of a run set by title, from its summary document."""
    missing, diverged = document["missing"], document["diverged"]
    seeds = f"{document['seeds'] - missing} of {document['seeds']}" if missing else str(document["seeds"])
    loss = number(document["loss"]) + (f" ({diverged} diverged)" if diverged else "")
    hyperparameters = Hyperparameters(
        document["hyperparameters"],
        document["hyperparameters_source"],
        document["provenance_note"],
        document["study_id"],
    )
    return {
        "run set": str(document["run_set"]),
        "task": _task(document),
        "optimizer": _optimizer(document),
        "different": _values(document["different"]),
        "source": hyperparameters.label,
        "steps": f"{document['steps']:,}",
        "seeds": seeds,
        "loss": loss,
        "date": date(document["created"]),
        "tags": ", ".join(document["tags"]) or NOTHING,
    }


def study_cells(document: Document) -> Mapping[str, str]:
    """Return the cells of a study by title, from its summary document."""
    values = document["hyperparameters"]
    unfinished = f"unfinished: {document['individuals']} individuals"
    return {
        "study": str(document["study"]),
        "task": _task(document),
        "optimizer": _optimizer(document),
        "schedule": document["schedule"],
        "seed": str(document["seed"]),
        "budget": f"{document['budget']:,} steps",
        "result": unfinished if values is None else _values(values),
        "date": date(document["created"]),
        "tags": ", ".join(document["tags"]) or NOTHING,
    }


def date(time: str) -> str:
    """Return a stored time as a date with hours and minutes (UTC); a dash for none."""
    return time[:16].replace("T", " ") or NOTHING


def _task(document: Document) -> str:
    return TaskSpec(document["task"], document["task_options"]).label


def _optimizer(document: Document) -> str:
    options, recipe = document["optimizer_options"], document["optimizer_recipe"]
    return OptimizerSpec(document["optimizer"], options, recipe=recipe).label


def _values(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={number(value)}" for name, value in values.items()) or NOTHING
