"""Snapshots of searches and runs that other processes carry out. Imports no PyTorch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from lodo_bench.results.activity import (
    RunSetActivity,
    StudyActivity,
    Writing,
    run_set_activities,
    study_activities,
)
from lodo_bench.results.damage import Damage
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
        seconds_since_update: NaN before the first update, and if it is in the future, as after a change of the clock.
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
        clock: the time in seconds, which never jumps.
    """

    def __init__(
        self,
        db: str,
        study: int | None = None,
        on_notice: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = Database(db, create=False, on_notice=on_notice)
        self._study, self._clock = study, clock
        self._first: dict[int, tuple[float, StudyActivity]] = {}
        self._updates: dict[tuple[str, int], _Update] = {}

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """The damaged rows of the database that were left out so far."""
        return self._database.damages.found

    def look(self, now: datetime | None = None) -> list[ActivitySnapshot]:
        """Return the studies, then the run sets, oldest first.

        Args:
            now: the time; by default that of the clock.

        Raises:
            UnknownNameError: if there is no such study.
        """
        now, moment = now or datetime.now(UTC), self._clock()
        studies = []
        for activity in study_activities(self._database, self._study):
            since, first = self._first.setdefault(activity.id, (moment, activity))
            age = self._age(("study", activity.id), activity.writing, now, moment)
            studies.append(_study(activity, age, _measured(first, activity, moment - since)))
        if self._study is not None:
            return studies
        run_sets = run_set_activities(self._database)
        return [*studies, *(_run_set(r, self._age(("run set", r.id), r.writing, now, moment)) for r in run_sets)]

    def _age(self, key: tuple[str, int], writing: Writing | None, now: datetime, moment: float) -> float:
        """Return the seconds since the last update; NaN if they are unknown.

        At the first look, the system's clock tells. From then on it may jump: an update that comes between two looks is
        not older than the time between them, and after an update the age grows with the clock that never jumps.
        """
        if writing is None:
            return math.nan
        former = self._updates.get(key)
        if former is None or former.writing != writing:
            age = (now - _time(writing.ended)).total_seconds()
            if former is not None:
                age = min(max(0.0, age), moment - former.looked)
            elif age < -_PATIENCE_SECONDS:
                age = math.nan
            former = _Update(writing, age if math.isnan(age) else max(0.0, age), moment, moment)
        self._updates[key] = replace(former, looked=moment)
        return former.age + (moment - former.seen)


@dataclass(frozen=True, slots=True)
class _Update:
    """The latest update of a study or run set: its age when it was first seen, and the times of the looks."""

    writing: Writing
    age: float
    seen: float
    looked: float


def _measured(first: StudyActivity, last: StudyActivity, seconds: float) -> Speed:
    """Return the speed between two looks, or that of the process that wrote last if too little happened since."""
    if seconds >= _MEASURE_SECONDS and last.steps_done > first.steps_done:
        return Speed((last.evaluated - first.evaluated) / seconds, (last.steps_done - first.steps_done) / seconds)
    if last.writing is None:
        return Speed(math.nan, math.nan)
    elapsed = _seconds(last.writing)
    return Speed(last.writing.count / elapsed, last.writing.steps / elapsed)


def _study(activity: StudyActivity, age: float, speed: Speed) -> ActivitySnapshot:
    schedule = activity.spec.schedule
    state = _state(activity.finished, activity.writing, age)
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
        seconds_since_update=age,
    )


def _run_set(activity: RunSetActivity, age: float) -> ActivitySnapshot:
    state = _state(activity.finished, activity.writing, age)
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
        seconds_since_update=age,
    )


def _state(finished: bool, writing: Writing | None, age: float) -> State:
    if finished:
        return "finished"
    if writing is None:
        return "waiting"
    usual = _seconds(writing) / writing.count
    return "running" if age <= max(_PATIENCE_SECONDS, _PATIENCE_FACTOR * usual) else "waiting"


def _seconds(writing: Writing) -> float:
    """Return the time that a process has taken so far, at least the second that the database resolves.

    It is NaN if the process has ended before it started: its clock was set back meanwhile.
    """
    seconds = (_time(writing.ended) - _time(writing.started)).total_seconds()
    return math.nan if seconds < 0 else max(1.0, seconds)


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
