"""The exported tables: their rows, in batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lodo_bench.analysis.documents import (
    individual_document,
    optimizer_document,
    outcome_document,
    run_settings_document,
    task_document,
)
from lodo_bench.export.columns import CURVES, INDIVIDUALS, METRICS, RUNS, objects
from lodo_bench.results.reader import Results
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
        batches: returns the rows of stored results.
    """

    schema: pa.Schema
    batches: Callable[[Results], Batches]


def _runs(store: Results) -> Batches:
    for run_set in store.run_sets():
        yield from _from_rows(RUNS, _run_rows(run_set))


def _run_rows(run_set: RunSetRecord) -> Iterator[Mapping[str, Any]]:
    shared = run_settings_document(run_set)
    for run, provenance in zip(run_set.runs, run_set.provenances, strict=True):
        machine = provenance.machine
        own = {
            **outcome_document(run),
            "host": provenance.host,
            "machine_device": machine.device,
            "cpu": machine.cpu,
            "cores": machine.cores,
            "threads": machine.threads,
            "commit": provenance.commit,
            "versions": provenance.versions,
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


def _individuals(store: Results) -> Batches:
    """Yield the individuals of one study at a time."""
    for study in store.study_summaries():
        yield from _from_rows(INDIVIDUALS, _individual_rows(store.study(study.id)))


def _individual_rows(study: StudyRecord) -> Iterator[Mapping[str, Any]]:
    spec = study.spec
    shared = {
        "study": study.id,
        **task_document(spec.task),
        **optimizer_document(spec.optimizer),
        "schedule": spec.schedule.name,
        "study_seed": spec.seed,
    }
    sigmas = {generation.index: generation.sigma for generation in study.generations}
    for member in study.individuals:
        own = individual_document(member)
        yield {**shared, **own, "individual": own["index"], "sigma": sigmas[member.generation]}


def _curves(store: Results) -> Batches:
    """Yield curves one at a time, as all of them may not fit in memory."""
    for run_set in store.run_sets():
        for run in run_set.runs:
            curve = store.curve(run_set.id, run.seed)
            if curve is None:
                continue
            shared, ends = {**run_settings_document(run_set), "seed": run.seed}, curve.ends
            for first in range(0, len(curve.losses), CHUNK):
                losses = curve.losses[first : first + CHUNK]
                steps = ends[first : first + CHUNK]
                seconds = _seconds(steps, curve) if run_set.spec.timed else None
                with np.errstate(over="ignore"):
                    own = {"step": steps, "loss": losses.astype(np.float32), "seconds": seconds}
                yield _batch(CURVES, shared, own, len(steps))


def _metrics(store: Results) -> Batches:
    """Yield the metrics of one run at a time."""
    for run_set in store.run_sets():
        # The curve, which may be long and has the metrics, too, is read only for the clock of timed runs.
        metrics = {} if run_set.spec.timed else store.metrics(run_set.id)
        for run in run_set.runs:
            curve = store.curve(run_set.id, run.seed) if run_set.spec.timed else None
            if run_set.spec.timed and curve is None:
                continue  # it is damaged
            found = metrics.get(run.seed, {}) if curve is None else curve.metrics
            for name, series in found.items():
                shared = {**run_settings_document(run_set), "seed": run.seed, "metric": name}
                for first in range(0, len(series.steps), CHUNK):
                    steps, values = series.steps[first : first + CHUNK], series.values[first : first + CHUNK]
                    seconds = None if curve is None else _seconds(steps, curve)
                    yield _batch(METRICS, shared, {"step": steps, "seconds": seconds, "value": values}, len(steps))


def _seconds(steps: NDArray[np.int64], curve: Curve) -> NDArray[np.float64]:
    """Return the training time at the end of each step."""
    return np.interp(steps, curve.clock_steps, curve.clock_seconds)


def _batch(schema: pa.Schema, shared: Mapping[str, Any], own: Mapping[str, Any], count: int) -> pa.RecordBatch:
    """Return `count` rows: `shared` values are the same in all of them, `own` are arrays, or None if missing."""
    shared = _with_objects_as_text(schema, shared)

    def column(field: pa.Field) -> pa.Array:
        if field.name in own:
            found = own[field.name]
            return pa.nulls(count, field.type) if found is None else pa.array(found, field.type)
        return pa.repeat(pa.scalar(shared[field.name], field.type), count)

    return pa.RecordBatch.from_arrays([column(field) for field in schema], schema=schema)


def _from_rows(schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> Batches:
    """Return rows as one batch, or none; values that the table has no column for are left out."""
    found = [_with_objects_as_text(schema, row) for row in rows]
    if found:
        yield pa.RecordBatch.from_pylist(found, schema=schema)


def _with_objects_as_text(schema: pa.Schema, row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, **{name: json.dumps(dict(row[name])) for name in objects(schema) if name in row}}


TABLES: Mapping[str, ExportTable] = {
    "runs": ExportTable(RUNS, _runs),
    "individuals": ExportTable(INDIVIDUALS, _individuals),
    "curves": ExportTable(CURVES, _curves),
    "metrics": ExportTable(METRICS, _metrics),
}
