"""Studies with their generations, individuals and states."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import cast, get_args

import numpy as np

from lodo_bench.results.codecs.annotations import decode_annotation, decode_created
from lodo_bench.results.codecs.specifications import decode_study_spec
from lodo_bench.results.damage import DamagedRowError, Damages, Fields, is_text
from lodo_bench.results.schema import GenerationRow, IndividualRow, MetaTrainingStateRow, StudyRow, encode_number
from lodo_bench.spec.options import Kind
from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord
from lodo_bench.spec.training import MetaTrainingState, Tuned


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
        kinds=decode_kinds(row, damages, names),
    )


def decode_kinds(row: StudyRow, damages: Damages, names: frozenset[str] | None = None) -> dict[str, Kind] | None:
    """Return the kinds of the hyperparameters of a study; None where there are none, and in place of damaged ones.

    Args:
        row: the study.
        damages: receives damaged kinds.
        names: those of the hyperparameters of its generations, where they are known.
    """

    def decode(row: StudyRow) -> dict[str, Kind]:
        fields = Fields(row)
        kinds = fields.document("kinds")
        if not all(is_text(name) and kind in get_args(Kind) for name, kind in kinds.items()):
            raise fields.damaged("its kinds are not those of hyperparameters")
        if names is not None and kinds.keys() != names:
            raise _misnamed(fields, "kinds", names)
        return kinds

    return next(damages.sound([] if row.kinds is None else [row], decode), None)


def decode_result(row: StudyRow, weights: bytes, damages: Damages) -> Tuned | None:
    """Return the result of a study; None while it is unfinished, or if it is damaged."""

    def decode(row: StudyRow) -> Tuned:
        fields = Fields(row)
        values = fields.values("hyperparameters")
        if not values.keys() <= (decode_kinds(row, damages) or {}).keys():  # else its generations need not be read
            names = _names(row)
            if names is not None and not values.keys() <= names:
                raise _misnamed(fields, "hyperparameters", names)
        return Tuned(values, weights)

    return next(damages.sound([] if row.hyperparameters is None else [row], decode), None)


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
