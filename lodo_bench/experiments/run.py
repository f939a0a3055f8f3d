"""Computes whatever an experiment lacks in the database, and collects its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from lodo_bench.compute.interrupts import defer_interrupts
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.experiments.condition import Condition
from lodo_bench.experiments.plan import Plan
from lodo_bench.experiments.result import ConditionResult, ExperimentResult
from lodo_bench.experiments.spec import Requirement
from lodo_bench.results.store import Store
from lodo_bench.runs.execute import CheckpointPlan, RunCallback, execute_run_set, weights_of
from lodo_bench.runs.facts import facts_of, hyperparameter_kinds
from lodo_bench.runs.hyperparameters import fixed_hyperparameters, tuned_hyperparameters
from lodo_bench.runs.parallel import Job, execute_all
from lodo_bench.spec.run_set import Hyperparameters, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import StudyRecord
from lodo_bench.tuner.coordinator import ProgressCallback
from lodo_bench.tuner.driver import run_studies
from lodo_bench.tuner.study import Study

_CHECKPOINT_SECONDS = 120.0


class ProgressReporter(Protocol):
    """Receiver of an experiment's progress."""

    def tuning(self) -> AbstractContextManager[ProgressCallback]:
        """Return the callback for searches, which last as long as the context."""
        ...

    def running(self, spec: RunSetSpec) -> AbstractContextManager[RunCallback]:
        """Return the callback for runs of this specification, which last as long as the context."""
        ...

    def planned(self, specs: Sequence[RunSetSpec]) -> None:
        """Report the run sets that are run one after the other from now on, before the first of them."""
        ...

    def notice(self, message: str) -> None:
        """Report an event in one sentence."""
        ...

    def stored(self, spec: RunSetSpec, count: int) -> None:
        """Report that runs of this specification, computed in another process, are stored; by default a notice."""
        self.notice(f"{spec.optimizer.label} on {spec.task.label}: {count} runs done.")

    def advise(self, message: str, remedy: Remedy, **details: object) -> None:
        """Report an event with a way out, as in `UsageError`; by default a notice in the words of the library."""
        self.notice(str(UsageError(message, remedy=remedy, **details)))


def run_experiment(plan: Plan, store: Store, reporter: ProgressReporter) -> ExperimentResult:
    """Tune and run what the store lacks. Everything that finishes is stored at once.

    Args:
        plan: a plan that `validate` has passed.
        store: the source of existing results, and the destination of new ones.
        reporter: receives the progress.

    Raises:
        KeyboardInterrupt: if the user interrupted it.
    """
    if plan.experiment.requires <= Requirement.DATA:
        return ExperimentResult(plan, (), (), store)
    studies = _tune(plan, store, reporter)
    results = []
    for condition in plan.conditions:
        values = hyperparameters_of(condition, plan.studies_of(condition, studies))
        if not values:
            reporter.notice(f"{condition.base.label} is skipped: its meta-training reached no finite loss.")
        else:
            results.append(ConditionResult(condition, tuple(values)))
    if plan.experiment.requires == Requirement.RUNS:
        results = _run(results, plan, store, reporter)
    return ExperimentResult(plan, tuple(studies), tuple(results), store)


def hyperparameters_of(condition: Condition, studies: Sequence[StudyRecord]) -> list[Hyperparameters]:
    """Return the hyperparameters of a condition's runs: of each search, or those that are fixed.

    The result of a search that found no finite loss is replaced by the defaults, or omitted if there are none.

    Args:
        condition: the condition.
        studies: the finished searches that tune it; none if its hyperparameters are fixed.
    """
    task, optimizer = condition.part.task, condition.base
    if studies:
        default = fixed_hyperparameters("default", task, optimizer)
        found = [tuned_hyperparameters(study.summary) or default for study in studies]
    else:
        source = "paper" if condition.part.source == "paper" else "default"
        found = [fixed_hyperparameters(source, task, optimizer)]
    return [condition.apply(values) for values in found if values is not None]


def _tune(plan: Plan, store: Store, reporter: ProgressReporter) -> list[StudyRecord]:
    records = [store.open_study(spec, fresh=False, kinds=hyperparameter_kinds(spec.optimizer)) for spec in plan.studies]
    missing = [record for record in records if record.status != "finished"]
    if missing:
        reporter.notice(f"Tuning {', '.join(_counted_labels(missing))}.")
        with reporter.tuning() as callback:
            run_studies([Study(record) for record in missing], store, callback, plan.execution.cluster)
    return [store.study(record.id) for record in records]


def _counted_labels(records: Sequence[StudyRecord]) -> list[str]:
    """Return the optimizers, each once, with the number of its searches if there are several."""
    numbers = Counter(record.spec.optimizer.label for record in records)
    return [label if number == 1 else f"{label} ({number} searches)" for label, number in numbers.items()]


def _run(
    results: Sequence[ConditionResult], plan: Plan, store: Store, reporter: ProgressReporter
) -> list[ConditionResult]:
    opened = [
        [
            store.open_run_set(spec, facts=facts_of(spec))
            for runs in result.condition.part.runs
            for spec in plan.run_set_specs(result.condition, runs, result.hyperparameters)
        ]
        for result in results
    ]
    missing = list({r.id: r for records in opened for r in records if r.missing_seeds}.values())
    _run_untimed([record for record in missing if not record.spec.timed], plan.execution.num_processes, store, reporter)
    _run_one_by_one([record for record in missing if record.spec.timed], store, reporter)
    return [
        replace(result, run_sets=tuple(store.run_set(record.id) for record in records))
        for result, records in zip(results, opened, strict=True)
    ]


def _run_untimed(records: Sequence[RunSetRecord], num_processes: int, store: Store, reporter: ProgressReporter) -> None:
    """Run in several processes if that helps: only timed runs must not disturb each other."""
    if num_processes < 2 or len(records) < 2:
        _run_one_by_one(records, store, reporter)
        return
    plan = _checkpoint_plan(store)
    jobs = [Job(record, weights_of(record.spec, store), plan) for record in _slowest_first(records, store)]
    reporter.notice(f"Running {len(jobs)} untimed run sets, {num_processes} at a time.")
    for job, ended in execute_all(jobs, num_processes):
        with defer_interrupts():  # so that its message counts every stored run
            for run, curve in ended:
                store.add_run(job.record.id, run, curve)
            reporter.stored(job.record.spec, len(ended))


def _run_one_by_one(records: Sequence[RunSetRecord], store: Store, reporter: ProgressReporter) -> None:
    reporter.planned([record.spec for record in records])
    for record in records:
        with reporter.running(record.spec) as callback:
            execute_run_set(record, store, callback, _checkpoint_plan(store))


def _checkpoint_plan(store: Store) -> CheckpointPlan | None:
    """Return where checkpoints are written; None for a database in memory."""
    return None if store.folder is None else CheckpointPlan(store.folder, _CHECKPOINT_SECONDS)


def _slowest_first(records: Sequence[RunSetRecord], store: Store) -> list[RunSetRecord]:
    """Sort by the expected duration, judging by the searches, so that the last process does not run alone for long."""
    studies = store.study_summaries()

    def cost(record: RunSetRecord) -> float:
        name = record.spec.optimizer.name
        same = [study for study in studies if study.spec.optimizer.name == name]
        steps = sum(study.steps for study in same)
        seconds_per_step = sum(study.seconds for study in same) / steps if steps else float("inf")
        return seconds_per_step * record.spec.steps * len(record.missing_seeds)

    return sorted(records, key=cost, reverse=True)
