"""The columns of what can be exported, each with its type and its description."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_DETAILS = pa.string()  # an object of names and values, as JSON


def _schema(*columns: tuple[str, Any, str]) -> pa.Schema:
    """From names, types and descriptions; `dict` is the type of an object."""
    return pa.schema(
        pa.field(
            name,
            _DETAILS if kind is dict else kind,
            metadata={"description": description, "object": "yes" if kind is dict else "no"},
        )
        for name, kind, description in columns
    )


_RUN_SET = (
    ("run_set", pa.int64(), "number of the run set, as in `list runs`"),
    ("task", pa.string(), "name of the task"),
    ("task_options", dict, "its options that differ from the paper's"),
    ("optimizer", pa.string(), "name of the optimizer"),
    ("optimizer_options", dict, "its options that differ from the paper's"),
)

RUNS = _schema(
    *_RUN_SET,
    ("hyperparameters", dict, "hyperparameters by name"),
    ("hyperparameters_source", pa.string(), "`tuned`, `paper`, `default` or `given`"),
    ("study_id", pa.int64(), "number of the study that tuned the hyperparameters"),
    ("provenance_note", pa.string(), "more about the source"),
    ("device", pa.string(), "`cpu` or `cuda`"),
    ("dtype", pa.string(), "precision"),
    ("kernel", pa.string(), "what did the heavy arithmetic"),
    ("seed", pa.int64(), "seed of the run"),
    ("status", pa.string(), "how it ended: `completed`, `diverged`, `interrupted` or `failed`"),
    ("reason", pa.string(), "why, where the status needs a reason"),
    ("steps", pa.int64(), "gradient evaluations on fresh batches"),
    ("evaluations", pa.int64(), "all gradient evaluations"),
    ("training_seconds", pa.float64(), "time on the training clock; missing for runs in lockstep"),
    ("milestone", pa.string(), "where it was scored, such as `steps:200`; missing for a run without a score"),
    ("score", pa.string(), "`loss`, the mean training loss of the last tenth, or the name of another score"),
    ("value", pa.float64(), "the score; not finite if the run diverged"),
    ("host", pa.string(), "name of the machine"),
    ("machine_device", pa.string(), "`cpu`, or the name of the GPU"),
    ("cpu", pa.string(), "name of the processor"),
    ("cores", pa.int64(), "its cores"),
    ("threads", pa.int64(), "threads that PyTorch used"),
    ("commit", pa.string(), "commit of the working copy; empty outside one"),
    ("versions", dict, "versions of Python and the packages"),
    ("command", pa.string(), "the command line"),
    ("started", pa.string(), "when the command started, UTC"),
)

INDIVIDUALS = _schema(
    ("study", pa.int64(), "number of the study, as in `list studies`"),
    ("task", pa.string(), "name of the task"),
    ("task_options", dict, "its options that differ from the paper's"),
    ("optimizer", pa.string(), "name of the optimizer"),
    ("optimizer_options", dict, "its options that differ from the paper's"),
    ("schedule", pa.string(), "name of the schedule"),
    ("study_seed", pa.int64(), "seed of the study"),
    ("generation", pa.int64(), "number of the generation, from 0"),
    ("sigma", pa.float64(), "spread of the generation, in the rescaled space"),
    ("individual", pa.int64(), "number of the individual in it, from 0"),
    ("hyperparameters", dict, "hyperparameters by name"),
    ("fitness", pa.float64(), "mean training loss of the last tenth; not finite if it diverged or failed"),
    ("status", pa.string(), "how it ended: `completed`, `diverged` or `failed`"),
    ("reason", pa.string(), "why, where the status needs a reason"),
    ("steps", pa.int64(), "training steps"),
    ("seconds", pa.float64(), "training time of all that were trained together with it, divided by their number"),
    ("host", pa.string(), "name of the machine"),
)

METRICS = _schema(
    *_RUN_SET,
    ("seed", pa.int64(), "seed of the run"),
    ("metric", pa.string(), "its name, such as `hessian_error`"),
    ("step", pa.int64(), "number of steps after which it was measured"),
    (
        "seconds",
        pa.float64(),
        "training time at the end of that step, between two readings of the clock interpolated; missing for runs in "
        "lockstep",
    ),
    ("value", pa.float64(), "what it was"),
)

CURVES = _schema(
    *_RUN_SET,
    ("seed", pa.int64(), "seed of the run"),
    ("step", pa.int64(), "number of the step, from 1"),
    ("loss", pa.float32(), "training loss of the step, on its batch, before the update; kept in single precision"),
    (
        "seconds",
        pa.float64(),
        "training time at the end of the step, between two readings of the clock interpolated; missing for runs in "
        "lockstep",
    ),
)


def objects(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that hold an object, as the text of its JSON."""
    return tuple(field.name for field in schema if field.metadata[b"object"] == b"yes")
