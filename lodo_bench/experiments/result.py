"""Results of experiments."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.experiments.condition import Condition
from lodo_bench.experiments.plan import Plan
from lodo_bench.experiments.spec import Experiment
from lodo_bench.results.store import Store
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import Hyperparameters, RunSetRecord
from lodo_bench.spec.study import StudyRecord


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """The results of one condition.

    Attributes:
        condition: the optimizer, the task and the point of a sweep.
        hyperparameters: those of its runs, at least one: of each search, by their seeds, or a single one.
        run_sets: its runs, in the order of the part's `runs`, for each of them in that of the hyperparameters; empty if
            no output requires runs.
    """

    condition: Condition
    hyperparameters: tuple[Hyperparameters, ...]
    run_sets: tuple[RunSetRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """The results of an experiment, all of one scale.

    Attributes:
        plan: the experiment and how it was computed.
        studies: the finished searches, in the order of the plan.
        results: one for each condition that could be run, in order.
        store: the store that holds the learning curves.
    """

    plan: Plan
    studies: tuple[StudyRecord, ...]
    results: tuple[ConditionResult, ...]
    store: Store

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.plan.experiment

    @property
    def run_sets(self) -> list[RunSetRecord]:
        """All run sets of the experiment, and no others, oldest first."""
        found = {record.id: record for result in self.results for record in result.run_sets}
        return [found[number] for number in sorted(found)]

    def failures(self) -> list[str]:
        """Return the reasons why runs failed, each once."""
        failed = [(r.spec.optimizer.label, run) for r in self.run_sets for run in r.runs if run.status is Status.FAILED]
        return list(dict.fromkeys(f"{label}: {run.reason}" for label, run in failed))
