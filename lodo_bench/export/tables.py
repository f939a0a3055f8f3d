"""The exported tables: their rows, in batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lodo_bench.export.columns import CURVES, INDIVIDUALS, METRICS, RUNS
from lodo_bench.results.store import Store
from lodo_bench.spec.outcome import Curve
from lodo_bench.spec.run_set import RunRecord, RunSetRecord
from lodo_bench.spec.study import StudyRecord

Batches = Iterator[pa.RecordBatch]

CHUNK = 65_536  # rows of a curve that are in memory at a time


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table that can be exported.

    Attributes:
        schema: columns, with descriptions in their metadata.
        batches: returns the rows of one task, or all tasks, from a store.
    """

    schema: pa.Schema
    batches: Callable[[Store, str | None], Batches]


def _runs(store: Store, task: str | None) -> Batches:
    for run_set in store.run_sets(task):
        yield from _from_rows(RUNS, _run_rows(run_set))


def _run_rows(run_set: RunSetRecord) -> Iterator[Mapping[str, Any]]:
    spec = run_set.spec
    shared = {
        **_run_set_columns(run_set),
        "hyperparameters": _object(spec.hyperparameters.values),
        "hyperparameters_source": spec.hyperparameters.source,
        "study_id": spec.hyperparameters.study_id,
        "provenance_note": spec.hyperparameters.provenance_note,
        "device": spec.compute.device,
        "dtype": spec.compute.dtype,
        "backend": spec.compute.backend,
    }
    for run, provenance in zip(run_set.runs, run_set.provenances, strict=True):
        machine = provenance.machine
        own = {
            "seed": run.seed,
            "status": str(run.status),
            "reason": run.reason,
            "steps": run.steps,
            "evaluations": run.evaluations,
            "training_seconds": run.training_seconds,
            "host": provenance.host,
            "machine_device": machine.device,
            "cpu": machine.cpu,
            "cores": machine.cores,
            "threads": machine.threads,
            "commit": provenance.commit,
            "versions": _object(provenance.versions),
            "command": provenance.command,
            "started": provenance.started,
        }
        for scored in _scores(run) or [{}]:
            yield {**shared, **own, **scored}


def _scores(run: RunRecord) -> list[Mapping[str, Any]]:
    scores = {milestone: {"loss": loss} for milestone, loss in run.milestones.items()}
    for milestone, others in run.scores.items():
        scores.setdefault(milestone, {}).update(others)
    return [
        {"milestone": milestone.key, "score": name, "value": value}
        for milestone, found in scores.items()
        for name, value in found.items()
    ]


def _individuals(store: Store, task: str | None) -> Batches:
    for study in store.studies(task):
        yield from _from_rows(INDIVIDUALS, _individual_rows(study))


def _individual_rows(study: StudyRecord) -> Iterator[Mapping[str, Any]]:
    spec = study.spec
    sigmas = {generation.index: generation.sigma for generation in study.generations}
    for member in study.individuals:
        yield {
            "study": study.id,
            "task": spec.task.name,
            "task_options": _object(spec.task.options),
            "optimizer": spec.optimizer.name,
            "optimizer_options": _object(spec.optimizer.options),
            "schedule": spec.schedule.name,
            "study_seed": spec.seed,
            "generation": member.generation,
            "sigma": sigmas[member.generation],
            "individual": member.index,
            "hyperparameters": _object(member.hyperparameters),
            "fitness": member.fitness,
            "status": str(member.status),
            "reason": member.reason,
            "steps": member.steps,
            "seconds": member.seconds,
            "host": member.host,
        }


def _curves(store: Store, task: str | None) -> Batches:
    """Yield curves one at a time, as all of them may not fit in memory."""
    for run_set in store.run_sets(task):
        for run in run_set.runs:
            curve = store.curve(run_set.id, run.seed)
            shared = {**_run_set_columns(run_set), "seed": run.seed}
            for first in range(0, len(curve.losses), CHUNK):
                losses = curve.losses[first : first + CHUNK]
                steps = np.arange(first + 1, first + 1 + len(losses))
                seconds = _seconds(steps, curve) if run_set.spec.timed else None
                with np.errstate(over="ignore"):
                    own = {"step": steps, "loss": losses.astype(np.float32), "seconds": seconds}
                yield _batch(CURVES, shared, own, len(steps))


def _metrics(store: Store, task: str | None) -> Batches:
    """Yield the metrics of one run at a time."""
    for run_set in store.run_sets(task):
        for run in run_set.runs:
            # The curve, which may be long, is read only for the clock of timed runs.
            curve = store.curve(run_set.id, run.seed) if run_set.spec.timed else None
            found = store.metrics(run_set.id, run.seed) if curve is None else curve.metrics
            for name, series in found.items():
                shared = {**_run_set_columns(run_set), "seed": run.seed, "metric": name}
                for first in range(0, len(series.steps), CHUNK):
                    steps, values = series.steps[first : first + CHUNK], series.values[first : first + CHUNK]
                    seconds = None if curve is None else _seconds(steps, curve)
                    yield _batch(METRICS, shared, {"step": steps, "seconds": seconds, "value": values}, len(steps))


def _seconds(steps: NDArray[np.int64], curve: Curve) -> NDArray[np.float64]:
    """Return the training time at the end of each step."""
    return np.interp(steps, curve.clock_steps, curve.clock_seconds)


def _batch(schema: pa.Schema, shared: Mapping[str, Any], own: Mapping[str, Any], count: int) -> pa.RecordBatch:
    """Return `count` rows: `shared` values are the same in all of them, `own` are arrays, or None if missing."""

    def column(field: pa.Field) -> pa.Array:
        if field.name in own:
            found = own[field.name]
            return pa.nulls(count, field.type) if found is None else pa.array(found, field.type)
        return pa.repeat(pa.scalar(shared[field.name], field.type), count)

    return pa.RecordBatch.from_arrays([column(field) for field in schema], schema=schema)


def _run_set_columns(run_set: RunSetRecord) -> Mapping[str, Any]:
    spec = run_set.spec
    return {
        "run_set": run_set.id,
        "task": spec.task.name,
        "task_options": _object(spec.task.options),
        "optimizer": spec.optimizer.name,
        "optimizer_options": _object(spec.optimizer.options),
    }


def _from_rows(schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> Batches:
    found: Sequence[Mapping[str, Any]] = list(rows)
    if found:
        yield pa.RecordBatch.from_pylist([dict(row) for row in found], schema=schema)


def _object(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values))


TABLES: Mapping[str, ExportTable] = {
    "runs": ExportTable(RUNS, _runs),
    "individuals": ExportTable(INDIVIDUALS, _individuals),
    "curves": ExportTable(CURVES, _curves),
    "metrics": ExportTable(METRICS, _metrics),
}
