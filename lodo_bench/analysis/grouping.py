"""Grouping of runs: those of one optimizer with the same hyperparameters, and the searches that make up a row."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import OptimizerSpec


class TimedRun(NamedTuple):
    """The speed of a run in steps per second, its training seconds and its machine."""

    speed: float
    seconds: float
    machine: Machine


@dataclass(slots=True)
class RunGroup:
    """The runs at one choice of hyperparameters by seed; a later run of a seed replaces an earlier one.

    Attributes:
        optimizer, hyperparameters, compute: the settings that they share.
        values: the scores, by column and seed; not finite where the run diverged.
        timed: the completed timed runs, by seed.
        unfinished: the seeds that were interrupted or failed.
        steps, evaluations: of all finished runs together.
        curves: by seed, the length of the longest curve and the run set that has it.
        timed_curves: likewise of the timed runs alone.
        is_deterministic: True if every seed gives the same run.
        run_sets: all run sets, oldest first.
    """

    optimizer: OptimizerSpec
    hyperparameters: Hyperparameters
    compute: ComputeSpec
    values: dict[ScoreColumn, dict[int, float]] = field(default_factory=dict)
    timed: dict[int, TimedRun] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)
    steps: int = 0
    evaluations: int = 0
    curves: dict[int, tuple[int, int]] = field(default_factory=dict)
    timed_curves: dict[int, tuple[int, int]] = field(default_factory=dict)
    is_deterministic: bool = False
    run_sets: list[RunSetRecord] = field(default_factory=list)

    @property
    def seeds(self) -> set[int]:
        """All seeds that have a score."""
        return {seed for values in self.values.values() for seed in values}

    def add(self, run: RunRecord, provenance: Provenance, run_set: int) -> None:
        """Add a run of a run set."""
        if run.status in (Status.INTERRUPTED, Status.FAILED):
            self.unfinished.add(run.seed)
            return
        for milestone, loss in run.milestones.items():
            self.values.setdefault(ScoreColumn(milestone), {})[run.seed] = loss
            for name, value in run.scores.get(milestone, {}).items():
                column = ScoreColumn(milestone, name)
                if column.is_compared:
                    self.values.setdefault(column, {})[run.seed] = value
        self.steps += run.steps
        self.evaluations += run.evaluations
        self._keep_longest(self.curves, run, run_set)
        if run.training_seconds is not None:
            self._keep_longest(self.timed_curves, run, run_set)
        if run.status is Status.COMPLETED and run.training_seconds and run.steps_per_second is not None:
            self.timed[run.seed] = TimedRun(run.steps_per_second, run.training_seconds, provenance.machine)

    def close(self) -> None:
        """Complete the scores once all runs are added.

        Runs that diverged before a milestone are added to every score measured there, as NaN. Of a deterministic
        group, a single seed is kept: the others are copies of it.
        """
        for column, values in self.values.items():
            losses = self.values.get(ScoreColumn(column.milestone), {})
            for seed, loss in losses.items():
                if not math.isfinite(loss):
                    values.setdefault(seed, math.nan)
        if self.is_deterministic or self._are_copies():
            self.is_deterministic = True
            for column, values in self.values.items():
                first = min(values)
                self.values[column] = {first: values[first]}

    def _are_copies(self) -> bool:
        """Return True if there are several runs, and at each number of steps their losses are the same, and not 0.

        Databases of former versions hold one run for each seed of what is deterministic. The mean losses of runs that
        differ in anything random are never the same, unless they have all reached 0.
        """
        seeds = self.seeds
        losses = [values for c, values in self.values.items() if c.is_loss and c.milestone.unit == "steps"]
        shared = any(values.keys() == seeds for values in losses)
        distinct = [set(values.values()) for values in losses]
        return len(seeds) > 1 and shared and all(len(d) == 1 and d != {0.0} and math.isfinite(*d) for d in distinct)

    @staticmethod
    def _keep_longest(curves: dict[int, tuple[int, int]], run: RunRecord, run_set: int) -> None:
        if run.steps >= curves.get(run.seed, (0, 0))[0]:
            curves[run.seed] = run.steps, run_set


def row_key(spec: RunSetSpec) -> tuple[object, ...]:
    """Return the key that the runs in one row of a table, or one line of a chart, have in common."""
    values = tuple(sorted(spec.hyperparameters.values.items()))
    optimizer = spec.optimizer
    code = optimizer.name, optimizer.version, optimizer.space
    structure = tuple(sorted(optimizer.options.items())), tuple(sorted(optimizer.recipe.items()))
    source, weights = spec.hyperparameters.source, spec.hyperparameters.weights_study_id
    return code, spec.compute, structure, source, weights, values


def gather(run_sets: Iterable[RunSetRecord], studies: Mapping[int, StudySummary]) -> list[dict[int, RunGroup]]:
    """Group the run sets of one task, oldest first, into rows.

    Runs at the results of several searches that differ in their seed only make up one row, if their runs are
    independent: no seed is shared, or they have no randomness.

    Args:
        run_sets: final runs on one task.
        studies: searches by number.

    Returns:
        For each row its groups by the seed of the search; by 0 where the search is not known, or there is none.
    """
    groups: dict[tuple[object, ...], RunGroup] = {}
    for run_set in run_sets:
        spec = run_set.spec
        group = groups.setdefault(row_key(spec), RunGroup(spec.optimizer, spec.hyperparameters, spec.compute))
        group.hyperparameters = spec.hyperparameters
        group.is_deterministic |= spec.deterministic
        group.run_sets.append(run_set)
        for run, provenance in zip(run_set.runs, run_set.provenances, strict=True):
            group.add(run, provenance, run_set.id)
    rows: list[dict[int, RunGroup]] = []
    of_search: dict[tuple[object, ...], list[dict[int, RunGroup]]] = {}
    for key, group in groups.items():
        group.close()
        study = studies.get(group.hyperparameters.study_id or 0)
        searched = [] if study is None else of_search.setdefault((*key[:-2], _search_key(study)), [])
        seed = 0 if study is None else study.spec.seed
        row = next((row for row in searched if _is_independent(group, seed, row)), None)
        if row is None:
            row = {}
            rows.append(row)
            searched.append(row)
        row[seed] = group
    return [{seed: row[seed] for seed in sorted(row)} for row in rows]


def common_hyperparameters(searches: Collection[Hyperparameters], studies: Iterable[StudySummary]) -> Hyperparameters:
    """Return the hyperparameters of a row; of several searches the source alone, without values.

    Args:
        searches: the hyperparameters that each search found, or the only ones.
        studies: the searches, whose schedule is named unless it is the paper's.
    """
    first, *others = searches
    if not others:
        return first
    schedules = {study.spec.schedule.name for study in studies} - {"paper"}
    note = ", ".join([f"{len(searches)} searches", *(f"schedule {name}" for name in sorted(schedules))])
    return replace(first, values={}, provenance_note=note, study_id=None, weights_study_id=None)


def _search_key(study: StudySummary) -> tuple[object, ...]:
    """Return the key that searches which differ in their seed only have in common."""
    spec = study.spec
    schedule = spec.schedule
    return schedule.population, schedule.generations, schedule.decay_transform, spec.compute


def _is_independent(group: RunGroup, seed: int, row: Mapping[int, RunGroup]) -> bool:
    """Return True if a group's runs are independent of all runs of a row of other searches."""
    others: Sequence[RunGroup] = list(row.values())
    if seed in row:
        return False
    return all((group.is_deterministic and other.is_deterministic) or not group.seeds & other.seeds for other in others)
