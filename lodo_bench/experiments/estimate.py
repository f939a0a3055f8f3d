"""The work that an experiment lacks in the database, and its expected duration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lodo_bench.experiments.condition import Condition
from lodo_bench.experiments.plan import ExecutionConfig, Plan
from lodo_bench.experiments.run import hyperparameters_of
from lodo_bench.experiments.spec import FinalRuns, Requirement
from lodo_bench.experiments.speeds import Basis, Speeds
from lodo_bench.optimizers import load_optimizer
from lodo_bench.results.store import Store
from lodo_bench.spec.run_set import Hyperparameters, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import StudyRecord, StudySpec
from lodo_bench.training.validation import max_population
from lodo_bench.tuner.study import max_shard_size

_UNKNOWN = Hyperparameters({}, "tuned", "")
Phase = Literal["tune", "run", "time", "compute"]
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A piece of work.

    Attributes:
        phase: `tune`; `run` for untimed runs in lockstep; `time` for timed runs; `compute` for runs that only a
            figure needs and that are not stored.
        label: the optimizer and the task.
        amount: the number of runs and steps, in words.
        seconds: the expected duration in one process; NaN if unknown.
        basis: the origin of the speed: `stored` runs, `measured` just now, or `unknown`.
    """

    phase: Phase
    label: str
    amount: str
    seconds: float
    basis: Basis


def duration_of(items: Sequence[WorkItem], execution: ExecutionConfig) -> float:
    """Return the total duration in seconds without items of unknown duration; NaN if all are unknown.

    One phase begins after another. A search is divided among all processes, and untimed runs of one kind are not.
    """
    known = [item for item in items if not math.isnan(item.seconds)]
    if items and not known:
        return math.nan
    total = 0.0
    for phase in PHASES:
        seconds = [item.seconds for item in known if item.phase == phase]
        in_parallel = sum(seconds) / execution.num_processes
        if phase == "tune":
            total += in_parallel
        elif phase == "run":
            total += max([in_parallel, *seconds])
        else:
            total += sum(seconds)
    return total


def missing_work(plan: Plan, store: Store | None) -> list[WorkItem]:
    """Return the work that the store lacks, in the order of execution.

    Args:
        plan: the experiment; it need not be valid on this machine.
        store: the existing results; None if there is no database yet.
    """
    return list(_Estimate(plan, store).items())


class _Estimate:
    def __init__(self, plan: Plan, store: Store | None) -> None:
        self._plan, self._store = plan, store
        self._speeds = Speeds(store, plan.execution.compute_for)
        self._studies = [store.find_study(spec) if store else None for spec in plan.studies]

    def items(self) -> Iterator[WorkItem]:
        requires = self._plan.experiment.requires
        if requires >= Requirement.TUNING:
            for spec, record in zip(self._plan.studies, self._studies, strict=True):
                if record is None or record.status != "finished":
                    yield search_item(spec, record, self._speeds)
        pairs = [(condition, runs) for condition in self._plan.conditions for runs in condition.part.runs]
        if requires == Requirement.TUNING:
            yield from (self._computing(condition, runs) for condition, runs in pairs)
        elif requires == Requirement.RUNS:
            running = [item for condition, runs in pairs if (item := self._running(condition, runs)) is not None]
            yield from sorted(running, key=lambda item: item.phase == "time")

    def _running(self, condition: Condition, runs: FinalRuns) -> WorkItem | None:
        run_sets = self._run_sets(condition, runs)
        num_seeds = sum(spec.num_seeds if r is None else len(r.missing_seeds) for spec, r in run_sets)
        if not num_seeds:
            return None
        size = run_sets[0][0].num_seeds
        together = 1 if runs.timed else max_population(condition.task, condition.optimizer) or size
        seconds_per_step, basis = self._speeds.stored_runs(condition, runs, size)
        if basis == "unknown":
            seconds_per_step, basis = self._speeds.measured(condition.task, condition.optimizer, together)
        seconds = seconds_per_step * runs.steps * -(-num_seeds // together)
        if runs.seconds is not None:
            by_time = num_seeds * runs.seconds
            seconds = by_time if math.isnan(seconds) else max(seconds, by_time)
        label = f"{condition.label} on {condition.task.label}"
        return WorkItem("time" if runs.timed else "run", label, _amount(num_seeds, runs), seconds, basis)

    def _computing(self, condition: Condition, runs: FinalRuns) -> WorkItem:
        """Return the runs that a figure computes and that are not stored."""
        num_runs = sum(spec.num_seeds for spec, _ in self._run_sets(condition, runs))
        seconds, basis = self._speeds.measured(condition.task, condition.optimizer, num_runs)
        label = f"{condition.optimizer.label} on {condition.task.label}"
        amount = f"{num_runs} runs of {runs.steps:,} steps, not stored"
        return WorkItem("compute", label, amount, seconds * runs.steps, basis)

    def _run_sets(self, condition: Condition, runs: FinalRuns) -> list[tuple[RunSetSpec, RunSetRecord | None]]:
        """Return the run sets with those that are stored: none of them while tuning has yet to determine them."""
        stored = self._plan.studies_of(condition, self._studies)
        studies = [study for study in stored if study is not None and study.status == "finished"]
        if len(studies) < len(stored):
            unknown = [_UNKNOWN] * condition.part.searches
            return [(spec, None) for spec in self._plan.run_set_specs(condition, runs, unknown)]
        values = hyperparameters_of(condition, studies)
        specs = self._plan.run_set_specs(condition, runs, values) if values else []
        return [(spec, None if self._store is None else self._store.find_run_set(spec)) for spec in specs]


def search_item(spec: StudySpec, record: StudyRecord | None, speeds: Speeds) -> WorkItem:
    """Return the rest of a search.

    Args:
        spec: the search.
        record: as far as it is stored; None if it is not.
        speeds: stored and measured speeds.
    """
    members = record.individuals if record else ()
    generations = spec.schedule.generations
    label = f"{spec.optimizer.label} on {spec.task.label}"
    if load_optimizer(spec.optimizer).search == "meta-training":
        epochs = len(generations) - len(members)
        seconds, basis = speeds.epoch(spec)
        return WorkItem("tune", label, f"meta-training, {epochs} epochs", seconds * epochs, basis)
    total = spec.schedule.individual_steps
    steps = total - sum(generations[member.generation].steps for member in members)
    seconds, basis = speeds.stored_search(spec)
    if basis == "unknown":
        together = max_shard_size(spec)
        seconds, basis = speeds.measured(spec.task, spec.optimizer, together)
        seconds /= together
    individuals = spec.schedule.population * len(generations) - len(members)
    amount = f"{individuals:,} individuals, {steps:,} steps in total"
    return WorkItem("tune", label, amount, seconds * steps, basis)


def _amount(num_seeds: int, runs: FinalRuns) -> str:
    steps = [f"{runs.steps:,} steps"] if runs.steps > 1 else []
    seconds = [] if runs.seconds is None else [f"{runs.seconds:g} s"]
    kind = "timed runs" if runs.timed else "runs in lockstep"
    return f"{num_seeds} {kind} of {' and '.join(steps + seconds)}"
