"""Run sets, and their runs with scores at milestones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from lodo_bench.results.codecs.annotations import decode_annotation, decode_created
from lodo_bench.results.codecs.curves import encode_curve, encode_metric
from lodo_bench.results.codecs.facts import decode_facts
from lodo_bench.results.codecs.provenances import provenance_of
from lodo_bench.results.codecs.specifications import decode_run_set_spec
from lodo_bench.results.damage import MAX_COUNT, Damages, Fields
from lodo_bench.results.run_rows import StoredRun
from lodo_bench.results.schema import MilestoneRow, ProvenanceRow, RunRow, RunSetRow, ScoreRow, encode_number
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve
from lodo_bench.spec.provenance import Provenance
from lodo_bench.spec.run_set import RunRecord, RunSetRecord


def decode_run_set(row: RunSetRow, stored: Sequence[StoredRun], damages: Damages) -> RunSetRecord:
    """Return a run set with its runs, without their curves.

    Args:
        row: the run set, whose specification must be sound.
        stored: its runs.
        damages: receives damaged runs, which are left out.
    """
    spec = decode_run_set_spec(row)
    if not isinstance(row.study_id, int | None):
        damages.add(Fields(row).damaged("its study_id is not the number of a study").damage)
    runs = list(damages.sound(stored, lambda run: (run, decode_run(run))))
    known: dict[ProvenanceRow, Provenance] = {}
    return RunSetRecord(
        id=row.id,
        spec=spec,
        runs=tuple(record for _, record in runs),
        provenances=tuple(provenance_of(run, known, damages) for run, _ in runs),
        created=decode_created(row, damages),
        annotation=decode_annotation(row.annotation, damages),
        facts=decode_facts(row, damages),
    )


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
        curve=encode_curve(curve),
        metrics=[encode_metric(name, history) for name, history in curve.metrics.items()],
    )


def decode_run(run: StoredRun) -> RunRecord:
    """Return a run; of one that has a damaged milestone nothing is kept, as its means would be of other runs."""
    fields = Fields(run.row, RunRow)
    losses, scores = {}, {}
    for each in run.milestones:
        scored = Fields(each.row, MilestoneRow)
        milestone = _milestone(scored)
        losses[milestone] = scored.number("loss", "loss_kind")
        if each.scores:
            found = [Fields(row, ScoreRow) for row in each.scores]
            scores[milestone] = {score.text("name"): score.number("value", "value_kind") for score in found}
    return RunRecord(
        seed=fields.count("seed"),
        status=fields.status("status"),
        reason=fields.text("reason"),
        steps=fields.count("steps"),
        evaluations=fields.count("evaluations"),
        training_seconds=None if run.row.training_seconds is None else fields.amount("training_seconds"),
        milestones=losses,
        scores=scores,
    )


def _milestone(fields: Fields) -> Milestone:
    key = fields.text("key")
    milestone = _milestone_of(key)
    if milestone is None:
        raise fields.damaged(f"its key, {key!a}, is no milestone")
    return milestone


@lru_cache(maxsize=256)
def _milestone_of(key: str) -> Milestone | None:
    """Return the milestone of a key, which thousands of runs share; None if it is the key of none."""
    try:
        milestone = Milestone.parse(key)
    except ValueError:
        return None
    return milestone if milestone.key == key and 0 < milestone.value <= MAX_COUNT else None


def _encode_milestone(milestone: Milestone, loss: float, scores: Mapping[str, float]) -> MilestoneRow:
    value, kind = encode_number(loss)
    rows = [_encode_score(name, score) for name, score in scores.items()]
    return MilestoneRow(key=milestone.key, loss=value, loss_kind=kind, scores=rows)


def _encode_score(name: str, score: float) -> ScoreRow:
    value, kind = encode_number(score)
    return ScoreRow(name=name, value=value, value_kind=kind)
