"""Conversions between the plain records of `lodo_bench.spec` and the rows of the results database."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from lodo_bench.results.damage import MAX_COUNT, DamagedRowError, Damages, Fields, is_text
from lodo_bench.results.schema import (
    CurveRow,
    GenerationRow,
    IndividualRow,
    JsonObject,
    MetaTrainingStateRow,
    MetricHistoryRow,
    MilestoneRow,
    ProvenanceRow,
    RunRow,
    RunSetAnnotationRow,
    RunSetRow,
    ScoreRow,
    StudyAnnotationRow,
    StudyRow,
    encode_number,
)
from lodo_bench.spec.annotation import Annotation
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.curve_blocks import block_ends, num_blocks
from lodo_bench.spec.encoding import encode
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve, MetricHistory
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


def decode_study_spec(row: StudyRow) -> StudySpec:
    """Return the specification of a study."""
    document = _identified(row, "schedule", "name")
    schedule = dict(document["schedule"])
    schedule["generations"] = tuple(GenerationPlan(**plan) for plan in schedule["generations"])
    return StudySpec(**{**document, **_decode_common(document), "schedule": Schedule(**schedule)})


def decode_study(row: StudyRow, damages: Damages, *, to_resume: bool = False) -> StudyRecord:
    """Return a study with all of its individuals.

    Args:
        row: the study, whose specification must be sound.
        damages: receives damaged generations, individuals and results, which are left out.
        to_resume: keep the individuals of a generation of which only the summary is damaged: they tell the search
            everything.
    """
    spec = decode_study_spec(row)
    state = next(damages.sound([] if row.state is None else [row.state], _decode_state), None)
    names = _names(row)
    found = [(g, list(damages.sound([g], partial(_decode_generation, names=names)))) for g in row.generations]
    kept = [g for g, sound in found if sound or (to_resume and _has_index(g))]
    return StudyRecord(
        id=row.id,
        spec=spec,
        result=decode_result(row, state.weights if state else b"", damages),
        generations=tuple(generation for _, sound in found for generation in sound),
        individuals=tuple(
            member
            for generation in kept
            for member in damages.sound(
                generation.individuals, partial(_decode_individual, generation=generation, names=names)
            )
        ),
        state=state,
        created=decode_created(row, damages),
        annotation=decode_annotation(row.annotation, damages),
    )


def decode_result(row: StudyRow, weights: bytes, damages: Damages) -> Tuned | None:
    """Return the result of a study; None while it is unfinished, or if it is damaged."""

    def decode(row: StudyRow) -> Tuned:
        fields, names = Fields(row), _names(row)
        values = fields.values("hyperparameters")
        if names is not None and not values.keys() <= names:
            raise _misnamed(fields, "hyperparameters", names)
        return Tuned(values, weights)

    return next(damages.sound([] if row.hyperparameters is None else [row], decode), None)


def decode_created(row: StudyRow | RunSetRow, damages: Damages) -> str:
    """Return the time of a row; empty if it is damaged."""
    return next(damages.sound([row], lambda row: Fields(row).time("created")), "")


def _names(row: StudyRow) -> frozenset[str] | None:
    """Return the names of a study's hyperparameters, which most of its generations have; None before the first."""
    means = [cast("object", generation.mean) for generation in row.generations]
    counts = Counter(frozenset(mean) for mean in means if isinstance(mean, dict))
    return max(counts, key=counts.__getitem__, default=None)


def _named(fields: Fields, column: str, names: frozenset[str] | None) -> Mapping[str, float]:
    values = fields.values(column)
    if names is not None and values.keys() != names:
        raise _misnamed(fields, column, names)
    return values


def _misnamed(fields: Fields, column: str, names: frozenset[str]) -> DamagedRowError:
    return fields.damaged(
        f"the names in its {column} are not those of the search: {', '.join(sorted(names)) or 'none'}"
    )


def _decode_state(row: MetaTrainingStateRow) -> MetaTrainingState:
    fields = Fields(row)
    weights, state_dict = fields.blob("weights"), fields.blob("state_dict")
    if len(weights) % 8 or not np.isfinite(np.frombuffer(weights, "<f8")).all():
        raise fields.damaged("its weights are not finite numbers of 8 bytes each")
    try:
        with zipfile.ZipFile(io.BytesIO(state_dict)) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, zlib.error):
        damaged = "the archive"
    if damaged is not None:
        raise fields.damaged(f"its state_dict is damaged: {damaged}")
    return MetaTrainingState(weights, state_dict)


def is_sound_state(row: MetaTrainingStateRow, damages: Damages) -> bool:
    """Return True for a state that can be resumed from; a damaged one is counted."""
    return next(damages.sound([row], _decode_state), None) is not None


def _decode_generation(row: GenerationRow, names: frozenset[str] | None) -> GenerationRecord:
    fields = Fields(row)
    return GenerationRecord(
        fields.count("index"), fields.amount("sigma"), fields.count("steps"), _named(fields, "mean", names)
    )


def is_sound_generation(row: GenerationRow, damages: Damages) -> bool:
    """Return True for a generation that becomes a record; a damaged one is counted."""
    return next(damages.sound([row], partial(_decode_generation, names=None)), None) is not None


def _has_index(row: GenerationRow) -> bool:
    index = cast("object", row.index)
    return isinstance(index, int) and index >= 0


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


def _decode_individual(row: IndividualRow, generation: GenerationRow, names: frozenset[str] | None) -> IndividualRecord:
    fields = Fields(row)
    return IndividualRecord(
        generation=generation.index,
        index=fields.count("index"),
        hyperparameters=_named(fields, "hyperparameters", names),
        fitness=fields.number("fitness", "fitness_kind"),
        status=fields.status("status"),
        reason=fields.text("reason"),
        steps=fields.count("steps"),
        seconds=fields.amount("seconds"),
        host=fields.text("host"),
    )


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


def decode_run_set(row: RunSetRow, damages: Damages) -> RunSetRecord:
    """Return a run set with its runs, without their curves.

    Args:
        row: the run set, whose specification must be sound.
        damages: receives damaged runs, which are left out.
    """
    spec = decode_run_set_spec(row)
    if not isinstance(row.study_id, int | None):
        damages.add(Fields(row).damaged("its study_id is not the number of a study").damage)
    runs = list(damages.sound(row.runs, lambda run: (run, _decode_run(run))))
    known: dict[ProvenanceRow, Provenance] = {}
    return RunSetRecord(
        id=row.id,
        spec=spec,
        runs=tuple(record for _, record in runs),
        provenances=tuple(_provenance_of(run, known, damages) for run, _ in runs),
        created=decode_created(row, damages),
        annotation=decode_annotation(row.annotation, damages),
    )


def decode_annotation(row: StudyAnnotationRow | RunSetAnnotationRow | None, damages: Damages) -> Annotation:
    """Return a note and tags; empty where there are none, and in place of one that is damaged."""
    rows = [] if row is None else [row]
    note = next(damages.sound(rows, lambda row: Fields(row).text("note")), "")
    return Annotation(note, next(damages.sound(rows, _decode_tags), ()))


def _decode_tags(row: StudyAnnotationRow | RunSetAnnotationRow) -> tuple[str, ...]:
    tags = cast("object", row.tags)
    if not isinstance(tags, list) or not all(map(is_text, tags)):
        raise Fields(row).damaged("its tags are not a list of texts")
    return tuple(tags)


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
    """Return a run; of one that lacks a milestone or a curve nothing is kept, as its means would be of other runs."""
    fields = Fields(row)
    losses, scores = {}, {}
    for each in row.milestones:
        milestone = _milestone(each)
        losses[milestone] = Fields(each).number("loss", "loss_kind")
        if each.scores:
            scores[milestone] = {Fields(s).text("name"): Fields(s).number("value", "value_kind") for s in each.scores}
    return RunRecord(
        seed=fields.count("seed"),
        status=fields.status("status"),
        reason=fields.text("reason"),
        steps=fields.count("steps"),
        evaluations=fields.count("evaluations"),
        training_seconds=None if row.training_seconds is None else fields.amount("training_seconds"),
        milestones=losses,
        scores=scores,
    )


def is_sound_run(row: RunRow, damages: Damages) -> bool:
    """Return True for a run that becomes a record; a damaged one is counted."""
    return next(damages.sound([row], _decode_run), None) is not None


def _milestone(row: MilestoneRow) -> Milestone:
    fields = Fields(row)
    try:
        milestone = Milestone.parse(fields.text("key"))
    except ValueError:
        milestone = None
    if milestone is None or milestone.key != row.key or not 0 < milestone.value <= MAX_COUNT:
        raise fields.damaged(f"its key, {row.key!a}, is no milestone")
    return milestone


def _encode_milestone(milestone: Milestone, loss: float, scores: Mapping[str, float]) -> MilestoneRow:
    value, kind = encode_number(loss)
    rows = [_encode_score(name, score) for name, score in scores.items()]
    return MilestoneRow(key=milestone.key, loss=value, loss_kind=kind, scores=rows)


def _encode_score(name: str, score: float) -> ScoreRow:
    value, kind = encode_number(score)
    return ScoreRow(name=name, value=value, value_kind=kind)


def decode_curve(row: RunRow, damages: Damages) -> Curve | None:
    """Return the curve of a run, with its metrics; None if it is damaged."""
    if row.curve is None:
        damages.add(Fields(row).damaged("its curve is missing").damage)
        return None
    found = next(damages.sound([row.curve], _decode_losses), None)
    if found is None:
        return None
    losses, clock_steps, clock_seconds = found
    steps = next(damages.sound([row], lambda row: Fields(row).count("steps")), 0)
    # Databases of former versions have all losses of long curves, too.
    ends = block_ends(steps) if 0 < len(losses) == num_blocks(steps) < steps else None
    return Curve(losses, clock_steps, clock_seconds, decode_metrics(row.metrics, damages), ends)


def _decode_losses(row: CurveRow) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    fields = Fields(row)
    losses = _unpack(fields, "losses", np.float32).astype(np.float64)
    steps, seconds = _unpack(fields, "clock_steps", np.int64), _unpack(fields, "clock_seconds", np.float64)
    if len(steps) != len(seconds) or not len(steps):
        raise fields.damaged("its clock has not one time for each step")
    if not np.isfinite(seconds).all():
        raise fields.damaged("its clock_seconds are not finite")
    return losses, steps, seconds


def _encode_curve(curve: Curve) -> CurveRow:
    with np.errstate(over="ignore"):
        losses = curve.losses.astype("<f4")
    return CurveRow(
        losses=_pack(losses),
        clock_steps=_pack(curve.clock_steps.astype("<i8")),
        clock_seconds=_pack(curve.clock_seconds.astype("<f8")),
    )


def decode_metrics(rows: Iterable[MetricHistoryRow], damages: Damages) -> dict[str, MetricHistory]:
    """Return the metrics of a run by name, without those that are damaged."""
    return dict(damages.sound(rows, _decode_metric))


def _decode_metric(row: MetricHistoryRow) -> tuple[str, MetricHistory]:
    fields = Fields(row)
    history = MetricHistory(_unpack(fields, "steps", np.int64), _unpack(fields, "values", np.float64))
    if len(history.steps) != len(history.values) or not len(history.steps):
        raise fields.damaged("it has not one value for each step")
    return fields.text("name"), history


def _encode_metric(name: str, history: MetricHistory) -> MetricHistoryRow:
    steps, values = _pack(history.steps.astype("<i8")), _pack(history.values.astype("<f8"))
    return MetricHistoryRow(name=name, steps=steps, values=values)


def encode_provenance(provenance: Provenance, ended: str) -> ProvenanceRow:
    """Return the row of an invocation of the program."""
    values = asdict(replace(provenance, ended=ended))
    del values["database"]
    return ProvenanceRow(**values.pop("machine"), **values)


def _provenance_of(row: RunRow, known: dict[ProvenanceRow, Provenance], damages: Damages) -> Provenance:
    """Return where a run was made; an empty one if that is damaged or missing, as no result depends on it.

    What is `known` is not decoded again: all runs of a command have the same.
    """
    if row.provenance is None:
        damages.add(Fields(row).damaged("its provenance_id is none of the provenances").damage)
        return _UNKNOWN
    if row.provenance not in known:
        known[row.provenance] = next(damages.sound([row.provenance], decode_provenance), _UNKNOWN)
    return known[row.provenance]


def decode_provenance(row: ProvenanceRow) -> Provenance:
    """Return an invocation of the program."""
    fields = Fields(row)
    versions = fields.document("versions")
    if not all(is_text(text) for item in versions.items() for text in item):
        raise fields.damaged("its versions are not texts by name")
    return Provenance(
        fields.text("command"),
        versions,
        fields.text("commit"),
        fields.text("host"),
        Machine(fields.text("device"), fields.text("cpu"), fields.count("cores"), fields.count("threads")),
        fields.time("started"),
        fields.text("ended") and fields.time("ended"),
    )


_UNKNOWN = Provenance("", {}, "", "", Machine("", "", 0, 0), "", "")


def _pack(values: NDArray[np.generic]) -> bytes:
    return zlib.compress(values.tobytes())


def _unpack(fields: Fields, column: str, dtype: type[_Number]) -> NDArray[_Number]:
    data = fields.blob(column)
    try:
        return np.frombuffer(zlib.decompress(data), dtype=np.dtype(dtype).newbyteorder("<"))
    except (zlib.error, ValueError) as error:
        raise fields.damaged(f"its {column} are damaged: {error}") from None
