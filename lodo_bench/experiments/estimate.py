"""What of an experiment is missing, and how long it will take, from speeds that were measured."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lodo_bench.backends.threads import single_thread
from lodo_bench.errors import LodoBenchError
from lodo_bench.experiments.outputs import needs
from lodo_bench.experiments.plan import Condition, ExecutionConfig, all_cases, run_set_spec, study_spec, study_specs
from lodo_bench.experiments.run import Studies, hyperparameters_of, processes_of
from lodo_bench.experiments.spec import Experiment, Runs
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.results.store import Store
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import StudyRecord, StudySpec
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import train
from lodo_bench.training.meta import RUN_STEPS, RUNS, run_epoch

# More steps are measured until one measurement takes so long; the first is of few, for what is very slow.
_MEASURE_SECONDS = 0.1
_MEASURE_STEPS = (2, 20, 200)
Phase = Literal["tune", "run", "time", "compute"]
Basis = Literal["stored", "measured", "unknown"]


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be done.

    Attributes:
        what: `tune`, `run` in lockstep, `time` by the clock, or `compute` only to be shown.
        label: which optimizer on which task.
        amount: how much, in words.
        seconds: how long it takes one process; NaN if that is not known.
        how: whether the speed is that of `stored` runs or was `measured` now; `unknown` if it could not be.
    """

    what: Phase
    label: str
    amount: str
    seconds: float
    how: Basis

    @property
    def is_shared(self) -> bool:
        """Whether several processes get through such items sooner."""
        return self.what in ("tune", "run")


def duration_of(items: Sequence[Item], execution: ExecutionConfig) -> float:
    """How long everything takes; NaN if nothing of it is known, else without what is not known."""
    known = [item for item in items if not math.isnan(item.seconds)]
    if items and not known:
        return math.nan
    shared = sum(item.seconds for item in known if item.is_shared)
    return shared / processes_of(execution) + sum(item.seconds for item in known if not item.is_shared)


def missing(experiment: Experiment, store: Store | None, execution: ExecutionConfig) -> list[Item]:
    """All that is to be done, in its order; `store` is None where there is no database yet."""
    if needs(experiment) in ("nothing", "data"):
        return []
    return list(_Estimate(experiment, store, execution).items())


class _Estimate:
    def __init__(self, experiment: Experiment, store: Store | None, execution: ExecutionConfig) -> None:
        self._experiment, self._store, self._setting = experiment, store, execution
        self._paces: dict[tuple[str, str, int], tuple[float, Basis]] = {}
        specs = study_specs(experiment, execution)
        self._found = [(spec, store.find_study(spec) if store else None) for spec in specs]

    def items(self) -> list[Item]:
        tuning = [item for spec, record in self._found if (item := self._tuning(spec, record)) is not None]
        if needs(self._experiment) == "tuning":
            return tuning + self._computing()
        pairs = [(case, runs) for case in all_cases(self._experiment) for runs in case.part.runs]
        running = [item for case, runs in pairs if (item := self._running(case, runs)) is not None]
        return tuning + sorted(running, key=lambda item: item.what == "time")

    def _tuning(self, spec: StudySpec, record: StudyRecord | None) -> Item | None:
        if record is not None and record.status == "finished":
            return None
        members = record.individuals if record else ()
        plans = spec.schedule.generations
        total = spec.schedule.population * sum(plan.steps for plan in plans)
        steps = total - sum(plans[member.generation].steps for member in members)
        if OPTIMIZERS.load(spec.optimizer.name).search == "meta-training":
            seconds, how = self._epoch(spec)
            amount = f"meta-training, {len(plans) - len(members)} epochs"
            return Item("tune", _label(spec.task, spec.optimizer), amount, seconds * (len(plans) - len(members)), how)
        pace, how = self._stored_search(spec)
        if how == "unknown":
            pace, how = self._pace(spec.task, spec.optimizer, spec.shard_size)
            pace /= spec.shard_size
        amount = f"{spec.schedule.population * len(plans) - len(members):,} individuals, {steps:,} steps in all"
        return Item("tune", _label(spec.task, spec.optimizer), amount, pace * steps, how)

    def _running(self, case: Condition, runs: Runs) -> Item | None:
        record = self._run_set(case, runs)
        seeds = runs.num_seeds if record is None else len(record.missing_seeds)
        if not seeds:
            return None
        together = 1 if runs.timed else TASKS.load(case.task.name).max_population or runs.num_seeds
        pace, how = self._stored_runs(case, runs)
        if how == "unknown":
            pace, how = self._pace(case.task, case.optimizer, together)
        seconds = pace * runs.steps * -(-seeds // together)
        if runs.seconds is not None:
            seconds = max(seconds, seeds * runs.seconds) if not math.isnan(seconds) else seeds * runs.seconds
        until = [f"{runs.steps:,} steps"] if runs.steps > 1 else []
        until += [] if runs.seconds is None else [f"{runs.seconds:g} s"]
        amount = f"{seeds} {'timed runs' if runs.timed else 'runs in lockstep'} of {' and '.join(until)}"
        label = f"{case.label} on {case.task.label}"
        return Item("time" if runs.timed else "run", label, amount, seconds, how)

    def _computing(self) -> list[Item]:
        """What the pictures themselves compute: runs that are not kept."""
        found = []
        for case in all_cases(self._experiment):
            for runs in case.part.runs:
                pace, how = self._pace(case.task, case.optimizer, runs.num_seeds)
                amount = f"{runs.num_seeds} runs of {runs.steps:,} steps, each time anew"
                found.append(Item("compute", _label(case.task, case.optimizer), amount, pace * runs.steps, how))
        return found

    def _run_set(self, case: Condition, runs: Runs) -> RunSetRecord | None:
        """The stored run set, where the tuning is done and so it is known which one it is."""
        studies: Studies = [(spec, record) for spec, record in self._found if record and record.status == "finished"]
        if self._store is None or (case.is_tuned and study_spec(case, self._setting) not in [s for s, _ in studies]):
            return None
        values = hyperparameters_of(case, studies, self._setting)
        return None if values is None else self._store.find_run_set(run_set_spec(case, runs, values, self._setting))

    def _stored_search(self, spec: StudySpec) -> tuple[float, Basis]:
        """Seconds for a step of one individual, from searches in the database."""
        studies = self._store.studies(spec.task.name) if self._store else []
        same = [study for study in studies if study.spec.task == spec.task and study.spec.optimizer == spec.optimizer]
        members = [member for study in same for member in study.individuals if member.status is Status.COMPLETED]
        steps = sum(member.steps for member in members)
        return (sum(m.seconds for m in members) / steps, "stored") if steps else (math.nan, "unknown")

    def _stored_runs(self, case: Condition, runs: Runs) -> tuple[float, Basis]:
        """Seconds for a step, from runs in the database that were as many at a time."""
        records = self._store.run_sets(case.task.name) if self._store else []
        for record in reversed(records):
            spec = record.spec
            alike = spec.task == case.task and spec.optimizer == case.optimizer and spec.timed == runs.timed
            done = [run for run in record.runs if run.status is Status.COMPLETED]
            if alike and done and (runs.timed or spec.num_seeds == runs.num_seeds):
                assert self._store is not None, "it has these runs"
                return self._store.curve(record.id, done[-1].seed).seconds / done[-1].steps, "stored"
        return math.nan, "unknown"

    def _pace(self, task: TaskSpec, optimizer: OptimizerSpec, population: int) -> tuple[float, Basis]:
        """Seconds for a step of so many in lockstep, measured now, once for each task, optimizer and number."""
        key = task.label, optimizer.label, population
        if key not in self._paces:
            try:
                self._paces[key] = _measured(task, optimizer, population, self._setting), "measured"
            except LodoBenchError:
                self._paces[key] = math.nan, "unknown"
        return self._paces[key]

    def _epoch(self, spec: StudySpec) -> tuple[float, Basis]:
        """Seconds for an epoch of meta-training: its runs, of which one is measured, and its validation."""
        short = TrainingSpec(
            task=spec.task,
            optimizer=spec.optimizer,
            purpose="tuning",
            individuals=(Individual((0, 0, 0), {}),),
            steps=RUN_STEPS,
            compute=spec.compute,
        )
        started = time.perf_counter()
        try:
            with single_thread():
                learning = run_epoch(short, None).seconds
        except LodoBenchError:
            return math.nan, "unknown"
        return time.perf_counter() - started + (RUNS - 1) * learning, "measured"


def _label(task: TaskSpec, optimizer: OptimizerSpec) -> str:
    return f"{optimizer.label} on {task.label}"


def _measured(task: TaskSpec, optimizer: OptimizerSpec, population: int, execution: ExecutionConfig) -> float:
    values = {p.name: p.initial for p in OPTIMIZERS.load(optimizer.name).hyperparameters}
    spec = TrainingSpec(
        task=task,
        optimizer=optimizer,
        purpose="tuning",
        individuals=tuple(Individual((0, 0, index), values) for index in range(population)),
        steps=1,
        compute=execution.compute_for(task),
    )
    pace = math.nan
    with single_thread():
        for steps in _MEASURE_STEPS:
            curve = train(replace(spec, steps=steps))[0].curve
            pace = curve.seconds / int(curve.clock_steps[-1])
            if curve.seconds > _MEASURE_SECONDS:
                break
    return pace
