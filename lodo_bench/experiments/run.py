"""Does what of an experiment is missing in the database, and brings its results together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from lodo_bench.errors import UsageError
from lodo_bench.experiments.outputs import needs
from lodo_bench.experiments.plan import Condition, ExecutionConfig, all_cases, run_set_spec, study_spec, study_specs
from lodo_bench.experiments.spec import Experiment
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.results.store import Store
from lodo_bench.runs.execute import CheckpointPlan, RunCallback, execute_run_set
from lodo_bench.runs.hyperparameters import fixed_hyperparameters, tuned_hyperparameters
from lodo_bench.runs.parallel import Job, execute_all
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import Hyperparameters, RunSetRecord, RunSetSpec
from lodo_bench.spec.study import StudyRecord, StudySpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import check_device
from lodo_bench.tuner.coordinator import ProgressCallback
from lodo_bench.tuner.driver import run_studies
from lodo_bench.tuner.study import Study

Studies = Sequence[tuple[StudySpec, StudyRecord]]
_CHECKPOINT_SECONDS = 120.0


class ProgressReporter(Protocol):
    """Who wants to see how it goes."""

    def tuning(self) -> AbstractContextManager[ProgressCallback]:
        """Searches go on while the block lasts."""
        ...

    def running(self, spec: RunSetSpec) -> AbstractContextManager[RunCallback]:
        """Runs of this specification, by the clock, go on while the block lasts."""
        ...

    def notice(self, message: str) -> None:
        """Something that a person should know."""
        ...


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What has come out of a case.

    Attributes:
        case: what it is.
        hyperparameters: what it was run at.
        run_sets: its runs, in the order of the part's `runs`; none where the experiment is shown without any.
    """

    case: Condition
    hyperparameters: Hyperparameters
    run_sets: tuple[RunSetRecord, ...]


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """An experiment with its results, all of one scale.

    Attributes:
        experiment, setting: what was done, and with what.
        studies: the searches, in the order of the cases.
        results: by case, in order.
        store: where curves are.
    """

    experiment: Experiment
    execution: ExecutionConfig
    studies: tuple[StudyRecord, ...]
    results: tuple[CaseResult, ...]
    store: Store

    @property
    def run_sets(self) -> list[RunSetRecord]:
        """All run sets of the experiment, and no others, oldest first."""
        found = {record.id: record for result in self.results for record in result.run_sets}
        return [found[number] for number in sorted(found)]

    def failures(self) -> list[str]:
        """Why runs failed, each reason once."""
        failed = [(r.spec.optimizer.label, run) for r in self.run_sets for run in r.runs if run.status is Status.FAILED]
        return list(dict.fromkeys(f"{label}: {run.reason}" for label, run in failed))


def check(experiment: Experiment, execution: ExecutionConfig) -> None:
    """Make sure that everything can be computed here, before anything is.

    Raises:
        UsageError: if data, a device or hyperparameters are missing.
    """
    check_device(execution.device)
    for case in all_cases(experiment):
        kind = TASKS.load(case.task.name)
        kind.check(case.task.options, execution.device, kind.default_dtype)
        if case.part.source != "tuned" and OPTIMIZERS.load(case.base.name).search == "meta-training":
            raise UsageError(f"{case.base.name} must be meta-trained: it has no hyperparameters but tuned ones.")
        if case.part.source == "paper" and fixed_hyperparameters("paper", case.part.task, case.base) is None:
            raise UsageError(
                f"the paper's hyperparameters of {case.base.label} on {case.part.task.label} are not known. "
                f"Write 'hyperparameters: tuned' in the experiment."
            )


def run_experiment(
    experiment: Experiment, store: Store, execution: ExecutionConfig, audience: ProgressReporter
) -> ExperimentResult:
    """Tune and run what the database does not have yet. Everything that is finished on the way is kept.

    Raises:
        KeyboardInterrupt: if the user stopped it.
        UsageError: as `check`.
    """
    if needs(experiment) == "nothing":
        return ExperimentResult(experiment, execution, (), (), store)
    check(experiment, execution)
    if needs(experiment) == "data":
        return ExperimentResult(experiment, execution, (), (), store)
    studies = _tune(study_specs(experiment, execution), store, execution, audience)
    found: list[tuple[Condition, Hyperparameters]] = []
    for case in all_cases(experiment):
        values = hyperparameters_of(case, studies, execution)
        if values is None:
            audience.notice(f"{case.base.label} is left out: its meta-training has found nothing that works.")
        else:
            found.append((case, values))
    results = [CaseResult(case, values, ()) for case, values in found]
    if needs(experiment) == "runs":
        results = _run(results, store, execution, audience)
    return ExperimentResult(experiment, execution, tuple(record for _, record in studies), tuple(results), store)


def hyperparameters_of(case: Condition, studies: Studies, execution: ExecutionConfig) -> Hyperparameters | None:
    """What a case is run at: the result of its study, or what the experiment says else.

    Where a search has found nothing with a finite loss, the defaults; None if there are no such.
    """
    if case.is_tuned:
        wanted = study_spec(case, execution)
        record = next(record for spec, record in studies if spec == wanted)
        found = tuned_hyperparameters(record) or fixed_hyperparameters("default", case.part.task, case.base)
    else:
        source = "paper" if case.part.source == "paper" else "default"
        found = fixed_hyperparameters(source, case.part.task, case.base)
    return None if found is None else case.with_changes(found)


def open_or_reuse(store: Store, spec: RunSetSpec) -> RunSetRecord:
    """The latest run set of exactly this specification, finished or not, unless a run of it failed; else a new one."""
    record = store.find_run_set(spec)
    if record is not None and not any(run.status is Status.FAILED for run in record.runs):
        return record
    return store.open_run_set(spec)


def _tune(specs: Sequence[StudySpec], store: Store, execution: ExecutionConfig, audience: ProgressReporter) -> Studies:
    records = [store.open_study(spec, fresh=False) for spec in specs]
    missing = [record for record in records if record.status != "finished"]
    if missing:
        audience.notice(f"Tuning {', '.join(record.spec.optimizer.label for record in missing)}.")
        with audience.tuning() as listener:
            run_studies([Study(record) for record in missing], store, listener, execution.cluster)
    return [(spec, store.study(record.id)) for spec, record in zip(specs, records, strict=True)]


def _run(
    results: Sequence[CaseResult], store: Store, execution: ExecutionConfig, audience: ProgressReporter
) -> list[CaseResult]:
    opened = [
        [
            open_or_reuse(store, run_set_spec(result.case, runs, result.hyperparameters, execution))
            for runs in result.case.part.runs
        ]
        for result in results
    ]
    missing = list({r.id: r for records in opened for r in records if r.missing_seeds}.values())
    _run_untimed([record for record in missing if not record.spec.timed], store, execution, audience)
    _run_one_by_one([record for record in missing if record.spec.timed], store, audience)
    return [
        replace(result, run_sets=tuple(store.run_set(record.id) for record in records))
        for result, records in zip(results, opened, strict=True)
    ]


def _checkpoint_plan(store: Store) -> CheckpointPlan | None:
    """Where runs under way are kept; None beside a database that is in memory only."""
    return None if store.folder is None else CheckpointPlan(store.folder, _CHECKPOINT_SECONDS)


def _run_untimed(
    records: Sequence[RunSetRecord], store: Store, execution: ExecutionConfig, audience: ProgressReporter
) -> None:
    """In several processes, where that helps: without a clock, they may disturb each other."""
    processes = processes_of(execution)
    if processes < 2 or len(records) < 2:
        _run_one_by_one(records, store, audience)
        return
    plan = _checkpoint_plan(store)
    jobs = [Job(record, _learned(record, store), plan) for record in _slowest_first(records, store)]
    audience.notice(f"{len(jobs)} sets of untimed runs, {processes} at a time.")
    for job, ended in execute_all(jobs, processes):
        for run, curve in ended:
            store.add_run(job.record.id, run, curve)
        audience.notice(f"{job.record.spec.optimizer.label} on {job.record.spec.task.label}: {len(ended)} runs done.")


def _run_one_by_one(records: Sequence[RunSetRecord], store: Store, audience: ProgressReporter) -> None:
    for record in records:
        with audience.running(record.spec) as listener:
            execute_run_set(record, store, listener, _checkpoint_plan(store))


def processes_of(execution: ExecutionConfig) -> int:
    """How many searches or untimed runs go on at the same time."""
    if execution.device != "cpu":
        return 1  # what shares a GPU does not get through sooner
    workers = execution.cluster.workers
    return max(1, os.cpu_count() or 1 if workers is None else workers)


def _learned(record: RunSetRecord, store: Store) -> bytes:
    study = record.spec.hyperparameters.weights_study_id
    return b"" if study is None else store.weights(study)


def _slowest_first(records: Sequence[RunSetRecord], store: Store) -> list[RunSetRecord]:
    """So that no process is left alone with a long one at the end, as far as the searches tell."""
    studies = store.studies()

    def cost(record: RunSetRecord) -> float:
        name = record.spec.optimizer.name
        members = [m for study in studies if study.spec.optimizer.name == name for m in study.individuals]
        steps = sum(member.steps for member in members)
        pace = sum(member.seconds for member in members) / steps if steps else float("inf")
        return pace * record.spec.steps * len(record.missing_seeds)

    return sorted(records, key=cost, reverse=True)
