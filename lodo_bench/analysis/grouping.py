"""Grouping of runs: those of one optimizer with the same hyperparameters, device, dtype and backend."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.provenance import Machine, Provenance
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec


class TimedRun(NamedTuple):
    """The speed of a run in steps per second, its training seconds and its machine."""

    speed: float
    seconds: float
    machine: Machine


@dataclass(slots=True)
class RunGroup:
    """The runs of a row by seed; a later run of a seed replaces an earlier one.

    Attributes:
        optimizer, hyperparameters, compute: the settings that they share.
        values: the scores, by column and seed; not finite where the run diverged.
        timed: the completed timed runs, by seed.
        unfinished: the seeds that were interrupted or failed.
        steps, evaluations: of all finished runs together.
        curves: by seed, the length of the longest curve and the run set that has it.
        timed_curves: likewise of the timed runs alone.
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

    def count_divergence(self) -> None:
        """Add the runs that diverged before a milestone to every score measured there, as NaN."""
        for column, values in self.values.items():
            losses = self.values.get(ScoreColumn(column.milestone), {})
            for seed, loss in losses.items():
                if not math.isfinite(loss):
                    values.setdefault(seed, math.nan)

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
    source = spec.hyperparameters.source, spec.hyperparameters.weights_study_id
    return code, spec.compute, structure, source, values


def gather(run_sets: Iterable[RunSetRecord]) -> list[RunGroup]:
    """Group the run sets of one task, oldest first, into rows."""
    rows: dict[tuple[object, ...], RunGroup] = {}
    for run_set in run_sets:
        spec = run_set.spec
        row = rows.setdefault(row_key(spec), RunGroup(spec.optimizer, spec.hyperparameters, spec.compute))
        row.hyperparameters = spec.hyperparameters
        for run, provenance in zip(run_set.runs, run_set.provenances, strict=True):
            row.add(run, provenance, run_set.id)
    for row in rows.values():
        row.count_divergence()
    return list(rows.values())
