"""The one place that reads and writes results."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from lodo_bench.errors import UnknownNameError
from lodo_bench.results.database import Database
from lodo_bench.results.schema import (
    CurveRow,
    GenerationRow,
    IndividualRow,
    MetricHistoryRow,
    MilestoneRow,
    ProvenanceRow,
    RunRow,
    RunSetRow,
    ScoreRow,
    StudyRow,
    WeightsRow,
    decode_number,
    encode_number,
)
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import GenerationPlan, GenerationRecord, IndividualRecord, Schedule, StudyRecord, StudySpec
from lodo_bench.spec.training import MetaTrainingState, OptimizerSpec, TaskSpec, Tuned

_Row = TypeVar("_Row", StudyRow, RunSetRow)


class Store:
    """Studies and run sets in a database. Every call is one transaction.

    Args:
        database: where.
        provenance: of this process, kept with everything that it writes; None for a store that is only read.
    """

    def __init__(self, database: Database, provenance: Provenance | None = None) -> None:
        self._database = database
        self._provenance = provenance
        self._provenance_id: int | None = None

    @property
    def folder(self) -> Path | None:
        """Where files that belong to the database lie; None for a database that is in memory only."""
        return self._database.folder

    # Studies

    def open_study(self, spec: StudySpec, *, fresh: bool) -> StudyRecord:
        """The latest study of exactly this specification, or a new one if there is none or `fresh` is set."""
        identity = _study_identity(spec)
        with self._database.writing() as session:
            row = None if fresh else session.scalar(_latest(StudyRow, identity))
            if row is None:
                row = StudyRow(
                    identity=identity,
                    task=spec.task.name,
                    optimizer=spec.optimizer.name,
                    spec=asdict(spec),
                    created=_now(),
                    generations=[],
                )
                session.add(row)
                session.flush()
            return _study_record(row)

    def find_study(self, spec: StudySpec) -> StudyRecord | None:
        """The latest study of exactly this specification, if there is one."""
        with self._database.reading() as session:
            row = session.scalar(_latest(StudyRow, _study_identity(spec)))
            return None if row is None else _study_record(row)

    def add_generation(self, study: int, generation: GenerationRecord) -> None:
        """Keep a generation that has opened; does nothing if it is known."""
        with self._database.writing() as session:
            if _generation_row(session, study, generation.index) is None:
                session.add(GenerationRow(study_id=study, **asdict(generation)))

    def add_individuals(self, study: int, individuals: Sequence[IndividualRecord]) -> None:
        """Keep evaluated individuals of a generation that is known, and what they have learned, the latest only."""
        provenance = self._provenance_number()
        with self._database.writing() as session:
            for individual in individuals:
                values = asdict(individual)
                generation = _generation_row(session, study, values.pop("generation"))
                assert generation is not None, "generations are added before their individuals"
                del values["state"]
                if individual.state is not None:
                    row = WeightsRow(study_id=study, provenance_id=provenance, **asdict(individual.state))
                    session.merge(row)
                values["fitness"], values["fitness_kind"] = encode_number(individual.fitness)
                session.add(IndividualRow(generation_id=generation.id, provenance_id=provenance, **values))

    def finish_study(self, study: int, result: Tuned) -> None:
        """Keep a study's result; its weights are those of its latest state, which is kept already."""
        with self._database.writing() as session:
            session.get_one(StudyRow, study).hyperparameters = dict(result.values)

    def weights(self, study: int) -> bytes:
        """The weights that a finished meta-training has learned."""
        with self._database.reading() as session:
            return session.get_one(WeightsRow, study).weights

    def studies(self, task: str | None = None) -> list[StudyRecord]:
        """All studies, oldest first, or those of one task."""
        query = select(StudyRow).options(*_WITH_INDIVIDUALS).order_by(StudyRow.id)
        if task is not None:
            query = query.where(StudyRow.task == task)
        with self._database.reading() as session:
            return [_study_record(row) for row in session.scalars(query)]

    def study(self, number: int) -> StudyRecord:
        """One study by its number.

        Raises:
            UnknownNameError: if there is none.
        """
        with self._database.reading() as session:
            _check_number(session, "study", number, StudyRow.id)
            return _study_record(session.get_one(StudyRow, number, options=_WITH_INDIVIDUALS))

    def tuned(self, task: TaskSpec, optimizer: OptimizerSpec) -> StudyRecord | None:
        """The latest finished study of an optimizer on a task, both with exactly these options."""
        finished = [
            study
            for study in self.studies(task.name)
            if study.spec.task == task and study.spec.optimizer == optimizer and study.has_result
        ]
        return finished[-1] if finished else None

    # Final runs

    def open_run_set(self, spec: RunSetSpec) -> RunSetRecord:
        """The latest run set of exactly this specification if it is unfinished, else a new one."""
        identity = _run_set_identity(spec)
        with self._database.writing() as session:
            row = session.scalar(_latest(RunSetRow, identity))
            if row is not None and (record := _run_set_record(row)).missing_seeds:
                return record
            row = RunSetRow(
                identity=identity,
                task=spec.task.name,
                optimizer=spec.optimizer.name,
                spec=asdict(spec),
                created=_now(),
                runs=[],
            )
            session.add(row)
            session.flush()
            return _run_set_record(row)

    def find_run_set(self, spec: RunSetSpec) -> RunSetRecord | None:
        """The latest run set of exactly this specification, finished or not, if there is one."""
        with self._database.reading() as session:
            row = session.scalar(_latest(RunSetRow, _run_set_identity(spec)))
            return None if row is None else _run_set_record(row)

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        """Keep a run, in place of an interrupted one with the same seed."""
        provenance = self._provenance_number()
        with self._database.writing() as session:
            former = session.scalar(select(RunRow).where(RunRow.run_set_id == run_set, RunRow.seed == run.seed))
            if former is not None and former.status == Status.INTERRUPTED:
                session.delete(former)
                session.flush()
            session.add(
                RunRow(
                    run_set_id=run_set,
                    provenance_id=provenance,
                    seed=run.seed,
                    status=run.status,
                    reason=run.reason,
                    steps=run.steps,
                    evaluations=run.evaluations,
                    training_seconds=run.training_seconds,
                    milestones=[
                        _milestone_row(at, loss, run.scores.get(at, {})) for at, loss in run.milestones.items()
                    ],
                    curve=_curve_row(curve),
                    series=[_series_row(name, series) for name, series in curve.metrics.items()],
                )
            )

    def run_sets(self, task: str | None = None) -> list[RunSetRecord]:
        """All run sets, oldest first, or those of one task; without their curves."""
        query = select(RunSetRow).options(_WITH_MILESTONES, _WITH_PROVENANCE).order_by(RunSetRow.id)
        if task is not None:
            query = query.where(RunSetRow.task == task)
        with self._database.reading() as session:
            return [_run_set_record(row) for row in session.scalars(query)]

    def run_set(self, number: int) -> RunSetRecord:
        """One run set by its number.

        Raises:
            UnknownNameError: if there is none.
        """
        with self._database.reading() as session:
            _check_number(session, "run set", number, RunSetRow.id)
            return _run_set_record(session.get_one(RunSetRow, number, options=[_WITH_MILESTONES, _WITH_PROVENANCE]))

    def metrics(self, run_set: int, seed: int) -> dict[str, MetricHistory]:
        """What was measured of one run besides its losses, by name."""
        query = select(RunRow).where(RunRow.run_set_id == run_set, RunRow.seed == seed)
        with self._database.reading() as session:
            return _metrics(session.scalars(query).one())

    def curve(self, run_set: int, seed: int) -> Curve:
        """The whole curve of one run."""
        query = select(RunRow).where(RunRow.run_set_id == run_set, RunRow.seed == seed)
        with self._database.reading() as session:
            run = session.scalars(query).one()
            return Curve(
                _unpacked(run.curve.losses, "<f4").astype(np.float64),
                _unpacked(run.curve.clock_steps, "<i8"),
                _unpacked(run.curve.clock_seconds, "<f8"),
                _metrics(run),
            )

    def _provenance_number(self) -> int:
        """The row of this process; its `ended` is the time of its last writing."""
        assert self._provenance is not None, "this store was opened for reading"
        with self._database.writing() as session:
            if self._provenance_id is None:
                values = asdict(self._provenance)
                row = ProvenanceRow(ended=_now(), **values.pop("machine"), **values)
                session.add(row)
                session.flush()
            else:
                row = session.get_one(ProvenanceRow, self._provenance_id)
                row.ended = _now()
        self._provenance_id = row.id
        return row.id


_WITH_INDIVIDUALS = (
    selectinload(StudyRow.generations).selectinload(GenerationRow.individuals),
    joinedload(StudyRow.weights),
)
_WITH_MILESTONES = selectinload(RunSetRow.runs).selectinload(RunRow.milestones).selectinload(MilestoneRow.scores)
_WITH_PROVENANCE = selectinload(RunSetRow.runs).joinedload(RunRow.provenance)


def _study_identity(spec: StudySpec) -> str:
    return _identity(replace(spec, schedule=replace(spec.schedule, name="")))


def _run_set_identity(spec: RunSetSpec) -> str:
    return _identity(replace(spec, hyperparameters=replace(spec.hyperparameters, provenance_note="", study_id=None)))


def _latest(table: type[_Row], identity: str) -> Select[_Row]:
    return select(table).where(table.identity == identity).order_by(table.id.desc()).limit(1)


def _identity(spec: StudySpec | RunSetSpec) -> str:
    return hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check_number(session: Session, what: str, number: int, column: InstrumentedAttribute[int]) -> None:
    known = session.scalars(select(column).order_by(column)).all()
    if number not in known:
        raise UnknownNameError(what, str(number), map(str, known))


def _generation_row(session: Session, study: int, index: int) -> GenerationRow | None:
    return session.scalar(select(GenerationRow).where(GenerationRow.study_id == study, GenerationRow.index == index))


def _study_record(row: StudyRow) -> StudyRecord:
    values = dict(row.spec)
    values["task"] = TaskSpec(**values["task"])
    values["compute"] = ComputeSpec(**values["compute"])
    values["optimizer"] = OptimizerSpec(**values["optimizer"])
    schedule = dict(values["schedule"])
    schedule["generations"] = tuple(GenerationPlan(**plan) for plan in schedule["generations"])
    values["schedule"] = Schedule(**schedule)
    state = None if row.weights is None else MetaTrainingState(row.weights.weights, row.weights.state_dict)
    return StudyRecord(
        id=row.id,
        spec=StudySpec(**values),
        result=None if row.hyperparameters is None else Tuned(row.hyperparameters, state.weights if state else b""),
        generations=tuple(GenerationRecord(g.index, g.sigma, g.steps, g.mean) for g in row.generations),
        individuals=tuple(_individual_record(g.index, i) for g in row.generations for i in g.individuals),
        state=state,
    )


def _individual_record(generation: int, row: IndividualRow) -> IndividualRecord:
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


def _run_set_record(row: RunSetRow) -> RunSetRecord:
    values = dict(row.spec)
    values["task"] = TaskSpec(**values["task"])
    values["compute"] = ComputeSpec(**values["compute"])
    values["optimizer"] = OptimizerSpec(**values["optimizer"])
    values["hyperparameters"] = Hyperparameters(**values["hyperparameters"])
    return RunSetRecord(
        id=row.id,
        spec=RunSetSpec(**values),
        runs=tuple(_run_record(run) for run in row.runs),
        provenances=tuple(_provenance(run.provenance) for run in row.runs),
        created=row.created,
    )


def _run_record(row: RunRow) -> RunRecord:
    return RunRecord(
        seed=row.seed,
        status=Status(row.status),
        reason=row.reason,
        steps=row.steps,
        evaluations=row.evaluations,
        training_seconds=row.training_seconds,
        milestones={Milestone.parse(m.key): decode_number(m.loss, m.loss_kind) for m in row.milestones},
        scores={
            Milestone.parse(m.key): {s.name: decode_number(s.value, s.value_kind) for s in m.scores}
            for m in row.milestones
            if m.scores
        },
    )


def _provenance(row: ProvenanceRow) -> Provenance:
    machine = Machine(row.device, row.cpu, row.cores, row.threads)
    return Provenance(row.command, row.versions, row.commit, row.host, machine, row.started)


def _milestone_row(milestone: Milestone, loss: float, scores: Mapping[str, float]) -> MilestoneRow:
    value, kind = encode_number(loss)
    rows = [_score_row(name, score) for name, score in scores.items()]
    return MilestoneRow(key=milestone.key, loss=value, loss_kind=kind, scores=rows)


def _score_row(name: str, score: float) -> ScoreRow:
    value, kind = encode_number(score)
    return ScoreRow(name=name, value=value, value_kind=kind)


def _curve_row(curve: Curve) -> CurveRow:
    with np.errstate(over="ignore"):
        losses = curve.losses.astype("<f4")
    return CurveRow(
        losses=_packed(losses),
        clock_steps=_packed(curve.clock_steps.astype("<i8")),
        clock_seconds=_packed(curve.clock_seconds.astype("<f8")),
    )


def _series_row(name: str, series: MetricHistory) -> MetricHistoryRow:
    return MetricHistoryRow(
        name=name, steps=_packed(series.steps.astype("<i8")), values=_packed(series.values.astype("<f8"))
    )


def _metrics(row: RunRow) -> dict[str, MetricHistory]:
    return {s.name: MetricHistory(_unpacked(s.steps, "<i8"), _unpacked(s.values, "<f8")) for s in row.series}


def _packed(values: NDArray[Any]) -> bytes:
    return zlib.compress(values.tobytes())


def _unpacked(data: bytes, dtype: str) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(data), dtype=dtype)
