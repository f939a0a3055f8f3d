"""From a plan to a page of tables and figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lodo_bench.experiments.directory import Directory
from lodo_bench.experiments.outputs import render_sections
from lodo_bench.experiments.plan import Plan, validate
from lodo_bench.experiments.result import ExperimentResult
from lodo_bench.experiments.run import ProgressReporter, run_experiment
from lodo_bench.results.store import Store
from lodo_bench.runs.execute import threads_of
from lodo_bench.runs.provenance import collect_provenance
from lodo_bench.spec.provenance import Provenance
from lodo_bench.tasks import TASKS


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A reproduced experiment.

    Attributes:
        result: studies and final runs.
        files: the page and its figures, the page first.
    """

    result: ExperimentResult
    files: tuple[Path, ...]


def reproduce(
    plan: Plan, directory: str, command: str, open_store: Callable[[Provenance], Store], reporter: ProgressReporter
) -> Reproduction:
    """Tune and run what the database lacks, then write a page with tables and figures.

    Nothing is created before the plan has been validated. Every result is stored as soon as it is finished, so that
    the same call resumes an interrupted one.

    Args:
        plan: the experiment and where it is computed.
        directory: the destination of the page.
        command: the command line to record as the provenance of the results.
        open_store: opens the database for results of this provenance.
        reporter: receives the progress.

    Raises:
        KeyboardInterrupt: if the user interrupted it.
        UsageError: if data, the device or hyperparameters are missing, or the directory cannot be used.
    """
    validate(plan)
    target = Directory(directory, plan.experiment)
    provenance = _gather(plan, command)
    store = open_store(provenance)
    with target.recorded(command):
        result = run_experiment(plan, store, reporter)
        sections = render_sections(result)
    provenances = [p for record in result.run_sets for p in record.provenances] or [provenance]
    return Reproduction(result, tuple(target.write(sections, provenances)))


def _gather(plan: Plan, command: str) -> Provenance:
    data = ", ".join(name for name in (TASKS.load(task).dataset_name() for task in plan.tasks) if name)
    threads = max((threads_of(task) for task in plan.tasks), default=1)
    return collect_provenance(plan.execution.device, command, threads, data)
