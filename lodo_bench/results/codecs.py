"""Conversions between the plain records of `lodo_bench.spec` and the rows of the results database."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lodo_bench.results.schema import (
    CurveRow,
    IndividualRow,
    JsonObject,
    MetricHistoryRow,
    MilestoneRow,
    ProvenanceRow,
    RunRow,
    RunSetAnnotationRow,
    RunSetRow,
    ScoreRow,
    StudyAnnotationRow,
    StudyRow,
    decode_number,
    encode_number,
)
from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.curve_blocks import block_ends, num_blocks
from lodo_bench.spec.encoding import encode
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import GenerationPlan, GenerationRecord, IndividualRecord, Schedule, StudyRecord, StudySpec
from lodo_bench.spec.training import MetaTrainingState, OptimizerSpec, TaskSpec, Tuned

_Number = TypeVar("_Number", bound=np.generic)


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


def decode_study_spec(document: JsonObject) -> StudySpec:
    """Return the specification that was stored as JSON."""
    schedule = dict(document["schedule"])
    schedule["generations"] = tuple(GenerationPlan(**plan) for plan in schedule["generations"])
    return StudySpec(**{**document, **_decode_common(document), "schedule": Schedule(**schedule)})


def decode_study(row: StudyRow) -> StudyRecord:
    """Return a study with all of its individuals."""
    state = None if row.state is None else MetaTrainingState(row.state.weights, row.state.state_dict)
    return StudyRecord(
        id=row.id,
        spec=decode_study_spec(row.spec),
        result=decode_result(row, state.weights if state else b""),
        generations=tuple(GenerationRecord(g.index, g.sigma, g.steps, g.mean) for g in row.generations),
        individuals=tuple(_decode_individual(g.index, i) for g in row.generations for i in g.individuals),
        state=state,
        created=row.created,
        annotation=decode_annotation(row.annotation),
    )


def decode_result(row: StudyRow, weights: bytes) -> Tuned | None:
    """Return the result of a study; None while it is unfinished."""
    return None if row.hyperparameters is None else Tuned(row.hyperparameters, weights)


def encode_individual(individual: IndividualRecord, generation_id: int, provenance_id: int) -> dict[str, object]:
    """Return the columns of an individual."""
    fitness, kind = encode_number(individual.fitness)
    return {
        "generation_id": generation_id,
        "provenance_id": provenance_id,
        "index": individual.index,
        "hyperparameters": dict(individual.hyperparameters),
        "fitness": fitness,
        "fitness_kind": kind,
        "status": individual.status,
        "reason": individual.reason,
        "steps": individual.steps,
        "seconds": individual.seconds,
        "host": individual.host,
    }


def _decode_individual(generation: int, row: IndividualRow) -> IndividualRecord:
    return IndividualRecord(
        generation=generation,
        index=row.index,
        hyperparameters=row.hyperparameters,
        fitness=decode_number(row.fitness, row.fitness_kind),
        status=Status(row.status),
        reason=row.reason,
        steps=row.steps,
        seconds=row.seconds,
        host=row.host,
    )


def decode_run_set(row: RunSetRow) -> RunSetRecord:
    """Return a run set with its runs, without their curves."""
    hyperparameters = Hyperparameters(**row.spec["hyperparameters"], study_id=row.study_id)
    return RunSetRecord(
        id=row.id,
        spec=RunSetSpec(**{**row.spec, **_decode_common(row.spec), "hyperparameters": hyperparameters}),
        runs=tuple(_decode_run(run) for run in row.runs),
        provenances=tuple(decode_provenance(run.provenance) for run in row.runs),
        created=row.created,
        annotation=decode_annotation(row.annotation),
    )


def decode_annotation(row: StudyAnnotationRow | RunSetAnnotationRow | None) -> Annotation:
    """Return a note and tags; empty where there are none."""
    return Annotation() if row is None else Annotation(row.note, tuple(row.tags))


def _decode_common(document: JsonObject) -> JsonObject:
    """Return the values that specifications of studies and of run sets have in common."""
    return {
        "task": TaskSpec(**document["task"]),
        "optimizer": OptimizerSpec(**document["optimizer"]),
        "compute": ComputeSpec(**document["compute"]),
    }


def encode_run(run: RunRecord, curve: Curve, run_set_id: int, provenance_id: int) -> RunRow:
    """Return the row of a run, with those of its milestones, curve and metrics."""
    return RunRow(
        run_set_id=run_set_id,
        provenance_id=provenance_id,
        seed=run.seed,
        status=run.status,
        reason=run.reason,
        steps=run.steps,
        evaluations=run.evaluations,
        training_seconds=run.training_seconds,
        milestones=[_encode_milestone(m, loss, run.scores.get(m, {})) for m, loss in run.milestones.items()],
        curve=_encode_curve(curve),
        metrics=[_encode_metric(name, history) for name, history in curve.metrics.items()],
    )


def _decode_run(row: RunRow) -> RunRecord:
    milestones = {Milestone.parse(m.key): m for m in row.milestones}
    return RunRecord(
        seed=row.seed,
        status=Status(row.status),
        reason=row.reason,
        steps=row.steps,
        evaluations=row.evaluations,
        training_seconds=row.training_seconds,
        milestones={milestone: decode_number(m.loss, m.loss_kind) for milestone, m in milestones.items()},
        scores={
            milestone: {score.name: decode_number(score.value, score.value_kind) for score in m.scores}
            for milestone, m in milestones.items()
            if m.scores
        },
    )


def _encode_milestone(milestone: Milestone, loss: float, scores: Mapping[str, float]) -> MilestoneRow:
    value, kind = encode_number(loss)
    rows = [_encode_score(name, score) for name, score in scores.items()]
    return MilestoneRow(key=milestone.key, loss=value, loss_kind=kind, scores=rows)


def _encode_score(name: str, score: float) -> ScoreRow:
    value, kind = encode_number(score)
    return ScoreRow(name=name, value=value, value_kind=kind)


def decode_curve(row: RunRow) -> Curve:
    """Return the curve of a run, with its metrics."""
    losses = _unpack(row.curve.losses, np.float32).astype(np.float64)
    return Curve(
        losses,
        _unpack(row.curve.clock_steps, np.int64),
        _unpack(row.curve.clock_seconds, np.float64),
        decode_metrics(row),
        # Databases of former versions have all losses of long curves, too.
        block_ends(row.steps) if len(losses) == num_blocks(row.steps) < row.steps else None,
    )


def _encode_curve(curve: Curve) -> CurveRow:
    with np.errstate(over="ignore"):
        losses = curve.losses.astype("<f4")
    return CurveRow(
        losses=_pack(losses),
        clock_steps=_pack(curve.clock_steps.astype("<i8")),
        clock_seconds=_pack(curve.clock_seconds.astype("<f8")),
    )


def decode_metrics(row: RunRow) -> dict[str, MetricHistory]:
    """Return the metrics of a run by name."""
    return {m.name: MetricHistory(_unpack(m.steps, np.int64), _unpack(m.values, np.float64)) for m in row.metrics}


def _encode_metric(name: str, history: MetricHistory) -> MetricHistoryRow:
    steps, values = _pack(history.steps.astype("<i8")), _pack(history.values.astype("<f8"))
    return MetricHistoryRow(name=name, steps=steps, values=values)


def encode_provenance(provenance: Provenance, ended: str) -> ProvenanceRow:
    """Return the row of an invocation of the program."""
    values = asdict(replace(provenance, ended=ended))
    del values["database"]
    return ProvenanceRow(**values.pop("machine"), **values)


def decode_provenance(row: ProvenanceRow) -> Provenance:
    """Return an invocation of the program."""
    machine = Machine(row.device, row.cpu, row.cores, row.threads)
    return Provenance(row.command, row.versions, row.commit, row.host, machine, row.started, row.ended)


def _pack(values: NDArray[np.generic]) -> bytes:
    return zlib.compress(values.tobytes())


def _unpack(data: bytes, dtype: type[_Number]) -> NDArray[_Number]:
    return np.frombuffer(zlib.decompress(data), dtype=np.dtype(dtype).newbyteorder("<"))
