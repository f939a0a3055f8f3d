"""Speeds of searches and runs: those of stored results, or measured by training briefly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from lodo_bench.compute.threads import single_thread
from lodo_bench.errors import LodoBenchError
from lodo_bench.experiments.condition import Condition
from lodo_bench.experiments.spec import FinalRuns
from lodo_bench.optimizers import load_optimizer
from lodo_bench.results.store import Store
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import StudySpec
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.training.loop import train
from lodo_bench.training.meta import RUN_STEPS, RUNS, run_epoch

# Speeds are measured over more and more steps until one measurement takes this long.
_MEASURE_SECONDS = 0.1
_MEASURE_STEPS = (2, 20, 200)
Basis = Literal["stored", "measured", "unknown"]
Speed = tuple[float, Basis]


class Speeds:
    """Seconds for a step, each with its basis; measured once for each combination.

    Args:
        store: the stored results; None if there are none.
        compute_for: returns the device, dtype and backend of a task.
    """

    def __init__(self, store: Store | None, compute_for: Callable[[TaskSpec], ComputeSpec]) -> None:
        self._store, self._compute_for = store, compute_for
        self._seconds_per_step: dict[tuple[str, str, int], Speed] = {}

    def stored_search(self, spec: StudySpec) -> Speed:
        """Return the seconds for a step of one individual in stored searches."""
        if self._store is None:
            return math.nan, "unknown"
        studies = self._store.study_summaries(spec.task.name)
        same = [s.id for s in studies if (s.spec.task, s.spec.optimizer) == (spec.task, spec.optimizer)]
        individuals = [individual for number in same for individual in self._store.study(number).individuals]
        members = [individual for individual in individuals if individual.status is Status.COMPLETED]
        steps = sum(member.steps for member in members)
        return (sum(m.seconds for m in members) / steps, "stored") if steps else (math.nan, "unknown")

    def stored_runs(self, condition: Condition, runs: FinalRuns, size: int) -> Speed:
        """Return the seconds for a step of one timed run, or of `size` in lockstep, in the latest such run."""
        if self._store is None:
            return math.nan, "unknown"
        for record in reversed(self._store.run_sets(condition.task.name)):
            spec = record.spec
            alike = (spec.task, spec.optimizer, spec.timed) == (condition.task, condition.optimizer, runs.timed)
            done = [run for run in record.runs if run.status is Status.COMPLETED]
            if alike and done and (runs.timed or spec.num_seeds == size):
                curve = self._store.curve(record.id, done[-1].seed)
                if curve is not None:
                    return curve.seconds / done[-1].steps, "stored"
        return math.nan, "unknown"

    def measured(self, task: TaskSpec, optimizer: OptimizerSpec, population: int) -> Speed:
        """Return the seconds for a step of a population in lockstep, measured once for each combination."""
        key = task.label, optimizer.label, population
        if key not in self._seconds_per_step:
            try:
                self._seconds_per_step[key] = _measure(task, optimizer, population, self._compute_for(task)), "measured"
            except LodoBenchError:
                self._seconds_per_step[key] = math.nan, "unknown"
        return self._seconds_per_step[key]

    def epoch(self, spec: StudySpec) -> Speed:
        """Return the seconds for an epoch of meta-training, of which one run and the validation are measured."""
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
                run_seconds = run_epoch(short, None).seconds
        except LodoBenchError:
            return math.nan, "unknown"
        return time.perf_counter() - started + (RUNS - 1) * run_seconds, "measured"


def _measure(task: TaskSpec, optimizer: OptimizerSpec, population: int, compute: ComputeSpec) -> float:
    values = {p.name: p.initial for p in load_optimizer(optimizer).hyperparameters}
    spec = TrainingSpec(
        task=task,
        optimizer=optimizer,
        purpose="tuning",
        individuals=tuple(Individual((0, 0, index), values) for index in range(population)),
        steps=1,
        compute=compute,
    )
    seconds_per_step = math.nan
    with single_thread():
        for steps in _MEASURE_STEPS:
            outcome = train(replace(spec, steps=steps))[0]
            if outcome.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            if outcome.status is Status.FAILED:
                raise LodoBenchError(outcome.reason)
            curve = outcome.curve
            seconds_per_step = curve.seconds / int(curve.clock_steps[-1])
            if curve.seconds > _MEASURE_SECONDS:
                break
    return seconds_per_step
