"""The columns of exported tables, each with type and description."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_OBJECT = pa.string()  # names and values as JSON


def _schema(*columns: tuple[str, Any, str]) -> pa.Schema:
    """Build a schema from names, types and descriptions; `dict` is the type of an object."""
    return pa.schema(
        pa.field(
            name,
            _OBJECT if kind is dict else kind,
            metadata={"description": description, "object": "yes" if kind is dict else "no"},
        )
        for name, kind, description in columns
    )


_RUN_SET = (
    ("run_set", pa.int64(), "number of the run set, as in `list run-sets`"),
    ("task", pa.string(), "name of the task"),
    ("task_options", dict, "its options that differ from the defaults"),
    ("optimizer", pa.string(), "name of the optimizer"),
    ("optimizer_options", dict, "its options that differ from the defaults"),
    ("optimizer_recipe", dict, "its training recipe; empty for the plain update"),
    ("optimizer_version", pa.string(), "version of code outside lodo-bench; empty for optimizers of lodo-bench"),
)

RUNS = _schema(
    *_RUN_SET,
    ("hyperparameters", dict, "hyperparameters by name"),
    ("hyperparameters_source", pa.string(), "`tuned`, `paper`, `default` or `given`"),
    ("study_id", pa.int64(), "number of the study that tuned the hyperparameters"),
    ("provenance_note", pa.string(), "more about the source"),
    ("device", pa.string(), "`cpu` or `cuda`"),
    ("dtype", pa.string(), "`float32` or `float64`"),
    ("backend", pa.string(), "`torch`, `numba` or `triton`"),
    ("seed", pa.int64(), "seed of the run"),
    ("status", pa.string(), "outcome: `completed`, `diverged`, `interrupted` or `failed`"),
    ("reason", pa.string(), "reason for the status, where it needs one"),
    ("steps", pa.int64(), "gradient evaluations on fresh batches"),
    ("evaluations", pa.int64(), "all gradient evaluations"),
    ("training_seconds", pa.float64(), "training time; missing for untimed runs"),
    ("milestone", pa.string(), "milestone of the score, such as `steps:200`; missing for a run without a score"),
    (
        "score",
        pa.string(),
        "`loss`, the mean training loss over the last tenth of the steps, or another score",
    ),
    ("value", pa.float64(), "the score; not finite if the run diverged"),
    ("host", pa.string(), "name of the machine"),
    ("machine_device", pa.string(), "`cpu`, or the name of the GPU"),
    ("cpu", pa.string(), "name of the processor"),
    ("cores", pa.int64(), "number of CPU cores"),
    ("threads", pa.int64(), "number of threads that PyTorch used"),
    ("commit", pa.string(), "commit of the source tree; empty for an installed package"),
    ("versions", dict, "versions of Python and packages"),
    ("command", pa.string(), "the command line"),
    ("started", pa.string(), "start of the command, UTC"),
)

INDIVIDUALS = _schema(
    ("study", pa.int64(), "number of the study, as in `list studies`"),
    ("task", pa.string(), "name of the task"),
    ("task_options", dict, "its options that differ from the defaults"),
    ("optimizer", pa.string(), "name of the optimizer"),
    ("optimizer_options", dict, "its options that differ from the defaults"),
    ("optimizer_recipe", dict, "its training recipe; empty for the plain update"),
    ("optimizer_version", pa.string(), "version of code outside lodo-bench; empty for optimizers of lodo-bench"),
    ("schedule", pa.string(), "name of the schedule"),
    ("study_seed", pa.int64(), "seed of the study"),
    ("generation", pa.int64(), "index of the generation, from 0"),
    ("sigma", pa.float64(), "σ of the generation, in the unconstrained space"),
    ("individual", pa.int64(), "index of the individual in the generation, from 0"),
    ("hyperparameters", dict, "hyperparameters by name"),
    (
        "fitness",
        pa.float64(),
        "mean training loss over the last tenth of the steps; not finite if it diverged or failed",
    ),
    ("status", pa.string(), "outcome: `completed`, `diverged` or `failed`"),
    ("reason", pa.string(), "reason for the status, where it needs one"),
    ("steps", pa.int64(), "number of training steps"),
    ("seconds", pa.float64(), "training time of the shard, divided by its number of individuals"),
    ("host", pa.string(), "name of the machine"),
)

METRICS = _schema(
    *_RUN_SET,
    ("seed", pa.int64(), "seed of the run"),
    ("metric", pa.string(), "name of the metric, such as `hessian_error`"),
    ("step", pa.int64(), "number of steps before the measurement"),
    (
        "seconds",
        pa.float64(),
        "training time at the end of the step, interpolated between readings of the clock; missing for untimed runs",
    ),
    ("value", pa.float64(), "value of the metric"),
)

CURVES = _schema(
    *_RUN_SET,
    ("seed", pa.int64(), "seed of the run"),
    ("step", pa.int64(), "number of the step, from 1; beyond 1,048,576 steps, of the last of those that share a loss"),
    (
        "loss",
        pa.float32(),
        "training loss on the batch of the step, before the update, or the mean of several; in single precision",
    ),
    (
        "seconds",
        pa.float64(),
        "training time at the end of the step, interpolated between readings of the clock; missing for untimed runs",
    ),
)


def objects(schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns that hold an object as JSON text."""
    return tuple(field.name for field in schema if field.metadata[b"object"] == b"yes")
