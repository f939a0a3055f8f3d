"""The tables of the results database."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, Float, ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from lodo_bench.results.column_types import StoredJson
from lodo_bench.results.texts import StoredText

SCHEMA_VERSION = 10
OLDEST_VERSION = 3  # of the databases that can be migrated

JsonObject = dict[str, Any]
Int64 = Annotated[int, "64 bits"]  # integers of SQLite have as many as they need


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {  # noqa: RUF012
        JsonObject: StoredJson,
        list[str]: StoredJson,
        bytes: LargeBinary,
        float: Float(53),
        str: StoredText,
        Int64: BigInteger().with_variant(Integer(), "sqlite"),
    }


def forget_compiled() -> None:
    """Forget the statements that were compiled for other databases.

    SQLAlchemy keeps a hundred for each table, together with all that belongs to a database, also when it is closed.
    """
    for mapper in Base.registry.mappers:
        vars(mapper).pop("_compiled_cache", None)


class SchemaRow(Base):
    """The version of the schema, one row; the table marks the database as one of this program."""

    __tablename__ = "lodo_bench_schema"
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class ProvenanceRow(Base):
    """One invocation of the program that wrote something."""

    __tablename__ = "provenances"
    id: Mapped[int] = mapped_column(primary_key=True)
    command: Mapped[str]
    versions: Mapped[JsonObject]
    commit: Mapped[str]
    host: Mapped[str]
    device: Mapped[str]
    cpu: Mapped[str]
    cores: Mapped[int]
    threads: Mapped[int]
    started: Mapped[str]
    ended: Mapped[str]


class StudyRow(Base):
    """A hyperparameter search.

    `hyperparameters` is its result, null until it is finished. `kinds` are those of the hyperparameters that it
    searches, by name, null if a former version opened it.
    """

    __tablename__ = "studies"
    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), index=True)
    task: Mapped[str]
    optimizer: Mapped[str]
    spec: Mapped[JsonObject]
    hyperparameters: Mapped[JsonObject | None] = mapped_column(StoredJson)
    kinds: Mapped[JsonObject | None] = mapped_column(StoredJson)
    created: Mapped[str]
    generations: Mapped[list[GenerationRow]] = relationship(order_by="GenerationRow.index")
    state: Mapped[MetaTrainingStateRow | None] = relationship()
    annotation: Mapped[StudyAnnotationRow | None] = relationship(lazy="selectin")


class StudyAnnotationRow(Base):
    """The note and the tags of a study that has any."""

    __tablename__ = "study_annotations"
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    note: Mapped[str]
    tags: Mapped[list[str]]


class MetaTrainingStateRow(Base):
    """The latest `lodo_bench.spec.training.MetaTrainingState` of a study that meta-trains its optimizer."""

    __tablename__ = "meta_training_states"
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
    steps: Mapped[Int64]
    mean: Mapped[JsonObject]
    individuals: Mapped[list[IndividualRow]] = relationship(order_by="IndividualRow.index")


class IndividualRow(Base):
    """An evaluated individual."""

    __tablename__ = "individuals"
    __table_args__ = (UniqueConstraint("generation_id", "index"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    generation_id: Mapped[int] = mapped_column(ForeignKey("generations.id"), index=True)
    provenance_id: Mapped[int] = mapped_column(ForeignKey("provenances.id"))
    index: Mapped[int]
    hyperparameters: Mapped[JsonObject]
    fitness: Mapped[float | None]
    fitness_kind: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    steps: Mapped[Int64]
    seconds: Mapped[float]
    host: Mapped[str]


class RunSetRow(Base):
    """Final runs with the same settings, one for each seed; `study_id` is the study that tuned the hyperparameters.

    `facts` are those of `lodo_bench.spec.facts.Facts`, null in sets that a former version opened.
    """

    __tablename__ = "run_sets"
    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), index=True)
    task: Mapped[str]
    optimizer: Mapped[str]
    spec: Mapped[JsonObject]
    created: Mapped[str]
    study_id: Mapped[int | None] = mapped_column(ForeignKey("studies.id", name="fk_run_sets_study_id"))
    facts: Mapped[JsonObject | None] = mapped_column(StoredJson)
    runs: Mapped[list[RunRow]] = relationship(order_by="RunRow.seed")
    annotation: Mapped[RunSetAnnotationRow | None] = relationship(lazy="selectin")


class RunSetAnnotationRow(Base):
    """The note and the tags of a run set that has any."""

    __tablename__ = "run_set_annotations"
    run_set_id: Mapped[int] = mapped_column(ForeignKey("run_sets.id"), primary_key=True)
    note: Mapped[str]
    tags: Mapped[list[str]]


class DeletionRow(Base):
    """A study or run set that was deleted; its number, which reports may name, is never given to another."""

    __tablename__ = "deletions"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    number: Mapped[int]
    deleted: Mapped[str]


class RunRow(Base):
    """One final run."""

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("run_set_id", "seed"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_set_id: Mapped[int] = mapped_column(ForeignKey("run_sets.id"), index=True)
    provenance_id: Mapped[int] = mapped_column(ForeignKey("provenances.id"))
    seed: Mapped[Int64]
    status: Mapped[str]
    reason: Mapped[str]
    steps: Mapped[Int64]
    evaluations: Mapped[Int64]
    training_seconds: Mapped[float | None]
    provenance: Mapped[ProvenanceRow] = relationship()
    milestones: Mapped[list[MilestoneRow]] = relationship(order_by="MilestoneRow.id", cascade="all, delete-orphan")
    curve: Mapped[CurveRow | None] = relationship(cascade="all, delete-orphan")
    metrics: Mapped[list[MetricHistoryRow]] = relationship(cascade="all, delete-orphan", order_by="MetricHistoryRow.id")


class MilestoneRow(Base):
    """The score of a run at one milestone; `key` is that of `lodo_bench.spec.milestone.Milestone`."""

    __tablename__ = "milestones"
    __table_args__ = (UniqueConstraint("run_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    key: Mapped[str]
    loss: Mapped[float | None]
    loss_kind: Mapped[str]
    scores: Mapped[list[ScoreRow]] = relationship(order_by="ScoreRow.id", cascade="all, delete-orphan")


class ScoreRow(Base):
    """Another measurement of a run at a milestone, e.g. `test_loss`."""

    __tablename__ = "scores"
    __table_args__ = (UniqueConstraint("milestone_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    milestone_id: Mapped[int] = mapped_column(ForeignKey("milestones.id"), index=True)
    name: Mapped[str]
    value: Mapped[float | None]
    value_kind: Mapped[str]


class MetricHistoryRow(Base):
    """The history of a metric in a run: step counts (int64) and values (float64), each compressed with zlib."""

    __tablename__ = "metric_histories"
    __table_args__ = (UniqueConstraint("run_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    name: Mapped[str]
    steps: Mapped[bytes]
    values: Mapped[bytes]


class CurveRow(Base):
    """A run's losses and clock, each compressed with zlib.

    `losses` are little-endian float32, one for each step; or, if they are fewer than the run's steps, one for each
    block of `lodo_bench.spec.curve_blocks`. `clock_steps` are int64 and `clock_seconds` float64, the readings of the
    training clock.
    """

    __tablename__ = "curves"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    losses: Mapped[bytes]
    clock_steps: Mapped[bytes]
    clock_seconds: Mapped[bytes]


def now() -> str:
    """Return the present time as it is stored: UTC, ISO 8601, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def encode_number(value: float) -> tuple[float | None, str]:
    """Return a float as a pair of columns, as not every database can store NaN and infinities in a float column."""
    if math.isfinite(value):
        return value, "finite"
    return None, str(value)
