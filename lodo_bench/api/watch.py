"""Snapshots of searches and runs that other processes carry out. Imports no PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from lodo_bench.results.activity import (
    RunSetActivity,
    StudyActivity,
    Writing,
    run_set_activities,
    study_activities,
)
from lodo_bench.results.database import Database
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

State = Literal["running", "waiting", "finished"]
# A process that has not written for several times as long as usual has probably ended.
_PATIENCE_SECONDS = 60.0
_PATIENCE_FACTOR = 10.0
# Speeds are measured over at least this time; until then they include the start of the process.
_MEASURE_SECONDS = 10.0


class Speed(NamedTuple):
    """Individuals and planned training steps per second."""

    individuals: float
    steps: float


@dataclass(frozen=True, slots=True)
class ActivitySnapshot:
    """One study or run set at one moment.

    Attributes:
        kind, number: `study` or `run set`, and its number.
        task, optimizer: those that are trained.
        state: `finished`; `running` if a process has written recently; else `waiting`, for a process that continues it.
        done, total: individuals of a study, runs of a run set.
        generation, generations: of a study: the open one, from 1, and their number; 0 for a run set.
        diverged, failed: individuals of a study.
        best_loss: of a study: the lowest of the last generation that has any; NaN before.
        per_second: individuals or runs per second, since the first look or of the process that wrote last; NaN if
            unknown.
        seconds_left: NaN if unknown, or if nothing is running.
        seconds_since_update: NaN before the first update.
    """

    kind: Literal["study", "run set"]
    number: int
    task: TaskSpec
    optimizer: OptimizerSpec
    state: State
    done: int
    total: int
    generation: int = 0
    generations: int = 0
    diverged: int = 0
    failed: int = 0
    best_loss: float = math.nan
    per_second: float = math.nan
    seconds_left: float = math.nan
    seconds_since_update: float = math.nan


class Watcher:
    """A database that is looked at again and again.

    Args:
        db: results database, a file or an SQLAlchemy URL; it must exist.
        study: the number of the only study to watch; None for all studies and run sets.
        on_notice: called with a message if the database is upgraded.
    """

    def __init__(self, db: str, study: int | None = None, on_notice: Callable[[str], None] = lambda _: None) -> None:
        self._database = Database(db, create=False, on_notice=on_notice)
        self._study = study
        self._first: dict[int, tuple[datetime, StudyActivity]] = {}

    def look(self, now: datetime | None = None) -> list[ActivitySnapshot]:
        """Return the studies, then the run sets, oldest first.

        Args:
            now: the time; by default that of the clock.

        Raises:
            UnknownNameError: if there is no such study.
        """
        now = now or datetime.now(UTC)
        studies = []
        for activity in study_activities(self._database, self._study):
            since, first = self._first.setdefault(activity.id, (now, activity))
            studies.append(_study(activity, now, _measured(first, activity, (now - since).total_seconds())))
        if self._study is not None:
            return studies
        return [*studies, *(_run_set(each, now) for each in run_set_activities(self._database))]


def _measured(first: StudyActivity, last: StudyActivity, seconds: float) -> Speed:
    """Return the speed between two looks, or that of the process that wrote last if too little happened since."""
    if seconds >= _MEASURE_SECONDS and last.steps_done > first.steps_done:
        return Speed((last.evaluated - first.evaluated) / seconds, (last.steps_done - first.steps_done) / seconds)
    if last.writing is None:
        return Speed(math.nan, math.nan)
    elapsed = _seconds(last.writing)
    return Speed(last.writing.count / elapsed, last.writing.steps / elapsed)


def _study(activity: StudyActivity, now: datetime, speed: Speed) -> ActivitySnapshot:
    schedule = activity.spec.schedule
    state = _state(activity.finished, activity.writing, now)
    steps_left = schedule.population * sum(plan.steps for plan in schedule.generations) - activity.steps_done
    return ActivitySnapshot(
        kind="study",
        number=activity.id,
        task=activity.spec.task,
        optimizer=activity.spec.optimizer,
        state=state,
        done=activity.evaluated,
        total=schedule.population * len(schedule.generations),
        generation=activity.generation,
        generations=len(schedule.generations),
        diverged=activity.diverged,
        failed=activity.failed,
        best_loss=activity.best_fitness,
        per_second=speed.individuals,
        seconds_left=steps_left / speed.steps if state == "running" else math.nan,
        seconds_since_update=_age(activity.writing, now),
    )


def _run_set(activity: RunSetActivity, now: datetime) -> ActivitySnapshot:
    state = _state(activity.finished, activity.writing, now)
    writing = activity.writing
    per_second = math.nan if writing is None else writing.count / _seconds(writing)
    left = (activity.num_seeds - activity.done) / per_second if state == "running" else math.nan
    return ActivitySnapshot(
        kind="run set",
        number=activity.id,
        task=activity.task,
        optimizer=activity.optimizer,
        state=state,
        done=activity.done,
        total=activity.num_seeds,
        per_second=per_second,
        seconds_left=left,
        seconds_since_update=_age(activity.writing, now),
    )


def _state(finished: bool, writing: Writing | None, now: datetime) -> State:
    if finished:
        return "finished"
    if writing is None:
        return "waiting"
    usual = _seconds(writing) / writing.count
    return "running" if _age(writing, now) <= max(_PATIENCE_SECONDS, _PATIENCE_FACTOR * usual) else "waiting"


def _seconds(writing: Writing) -> float:
    """Return the time that a process has taken so far, at least the second that the database resolves."""
    return max(1.0, (_time(writing.ended) - _time(writing.started)).total_seconds())


def _age(writing: Writing | None, now: datetime) -> float:
    return math.nan if writing is None else max(0.0, (now - _time(writing.ended)).total_seconds())


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
