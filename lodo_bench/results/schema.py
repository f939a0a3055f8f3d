"""The tables of the results database."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA_VERSION = 3


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {dict[str, Any]: JSON, bytes: LargeBinary, float: Float(53)}  # noqa: RUF012


class SchemaRow(Base):
    """One row: the version of the schema. That the table is there says that the database is ours."""

    __tablename__ = "lodo_bench_schema"
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class ProvenanceRow(Base):
    """One invocation of the program that wrote something."""

    __tablename__ = "provenances"
    id: Mapped[int] = mapped_column(primary_key=True)
    command: Mapped[str]
    versions: Mapped[dict[str, Any]]
    commit: Mapped[str]
    host: Mapped[str]
    device: Mapped[str]
    cpu: Mapped[str]
    cores: Mapped[int]
    threads: Mapped[int]
    started: Mapped[str]
    ended: Mapped[str]


class StudyRow(Base):
    """A hyperparameter search; `hyperparameters` is its result, null until it is finished."""

    __tablename__ = "studies"
    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), index=True)
    task: Mapped[str]
    optimizer: Mapped[str]
    spec: Mapped[dict[str, Any]]
    hyperparameters: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created: Mapped[str]
    generations: Mapped[list[GenerationRow]] = relationship(order_by="GenerationRow.index")
    weights: Mapped[WeightsRow | None] = relationship()


class WeightsRow(Base):
    """The latest `lodo_bench.spec.training.MetaTrainingState` of a study that meta-trains its optimizer."""

    __tablename__ = "learned"
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    provenance_id: Mapped[int] = mapped_column(ForeignKey("provenances.id"))
    weights: Mapped[bytes]
    state_dict: Mapped[bytes]


class GenerationRow(Base):
    """A generation of a study."""

    __tablename__ = "generations"
    __table_args__ = (UniqueConstraint("study_id", "index"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    index: Mapped[int]
    sigma: Mapped[float]
    steps: Mapped[int]
    mean: Mapped[dict[str, Any]]
    individuals: Mapped[list[IndividualRow]] = relationship(order_by="IndividualRow.index")


class IndividualRow(Base):
    """An evaluated individual."""

    __tablename__ = "individuals"
    __table_args__ = (UniqueConstraint("generation_id", "index"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    generation_id: Mapped[int] = mapped_column(ForeignKey("generations.id"), index=True)
    provenance_id: Mapped[int] = mapped_column(ForeignKey("provenances.id"))
    index: Mapped[int]
    hyperparameters: Mapped[dict[str, Any]]
    fitness: Mapped[float | None]
    fitness_kind: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    steps: Mapped[int]
    seconds: Mapped[float]
    host: Mapped[str]


class RunSetRow(Base):
    """Final runs with the same settings, one for each seed."""

    __tablename__ = "run_sets"
    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), index=True)
    task: Mapped[str]
    optimizer: Mapped[str]
    spec: Mapped[dict[str, Any]]
    created: Mapped[str]
    runs: Mapped[list[RunRow]] = relationship(order_by="RunRow.seed")


class RunRow(Base):
    """One final run."""

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("run_set_id", "seed"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_set_id: Mapped[int] = mapped_column(ForeignKey("run_sets.id"), index=True)
    provenance_id: Mapped[int] = mapped_column(ForeignKey("provenances.id"))
    seed: Mapped[int]
    status: Mapped[str]
    reason: Mapped[str]
    steps: Mapped[int]
    evaluations: Mapped[int]
    training_seconds: Mapped[float | None]
    provenance: Mapped[ProvenanceRow] = relationship()
    milestones: Mapped[list[MilestoneRow]] = relationship(order_by="MilestoneRow.id", cascade="all, delete-orphan")
    curve: Mapped[CurveRow] = relationship(cascade="all, delete-orphan")
    series: Mapped[list[MetricHistoryRow]] = relationship(cascade="all, delete-orphan")


class MilestoneRow(Base):
    """The score of a run at one milestone, e.g. `steps:200`."""

    __tablename__ = "milestones"
    __table_args__ = (UniqueConstraint("run_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    key: Mapped[str]
    loss: Mapped[float | None]
    loss_kind: Mapped[str]
    scores: Mapped[list[ScoreRow]] = relationship(order_by="ScoreRow.id", cascade="all, delete-orphan")


class ScoreRow(Base):
    """What else was measured of a run at a milestone, e.g. `test_loss`."""

    __tablename__ = "scores"
    __table_args__ = (UniqueConstraint("milestone_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    milestone_id: Mapped[int] = mapped_column(ForeignKey("milestones.id"), index=True)
    name: Mapped[str]
    value: Mapped[float | None]
    value_kind: Mapped[str]


class MetricHistoryRow(Base):
    """A metric's course in a run: little-endian int64 step counts and float64 values, each compressed with zlib."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("run_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    name: Mapped[str]
    steps: Mapped[bytes]
    values: Mapped[bytes]


class CurveRow(Base):
    """A run's losses and clock, each compressed with zlib.

    `losses` are little-endian float32, one for each step; `clock_steps` int64 and `clock_seconds` float64, the
    readings of the training clock.
    """

    __tablename__ = "curves"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    losses: Mapped[bytes]
    clock_steps: Mapped[bytes]
    clock_seconds: Mapped[bytes]


def encode_number(value: float) -> tuple[float | None, str]:
    """A float as a pair of columns: not every database can keep NaN and infinities in a float column."""
    if math.isfinite(value):
        return value, "finite"
    return None, str(value)


def decode_number(value: float | None, kind: str) -> float:
    """The float that `encode_number` made the pair of."""
    return float(kind) if value is None else value
