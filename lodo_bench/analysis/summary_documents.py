"""Short documents of stored records, for lists, which tell them apart.

A summary has the name of a schedule and the numbers of generations and individuals; the document of a study
(`lodo_bench.analysis.documents`) has the schedule, the generations and the individuals themselves under the same keys.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lodo_bench.analysis.documents import (
    AnnotationDocument,
    OptimizerDocument,
    RunSettingsDocument,
    TaskDocument,
    annotation_document,
    optimizer_document,
    run_settings_document,
    task_document,
)
from lodo_bench.analysis.statistics import mean
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import StudySummary


class RunSetSummaryDocument(RunSettingsDocument, AnnotationDocument):
    """A run set without its runs; `seeds`, `missing` and `diverged` are numbers of runs.

    `loss` is the mean over the seeds at the longest step milestone, without diverged runs; None if there is none.
    `different` has the hyperparameters that other listed run sets of the same optimizer and task have otherwise.
    `host` and `command` are those of the latest run.
    """

    different: Mapping[str, float]
    steps: int
    seconds: float | None
    timed: bool
    seeds: int
    missing: int
    loss: float | None
    diverged: int
    created: str
    host: str
    command: str


class StudySummaryDocument(TaskDocument, OptimizerDocument, AnnotationDocument):
    """A study with the name of its schedule and the numbers of its generations and evaluated individuals.

    `budget` is the number of training steps that its schedule plans, of all individuals together, and `steps` those
    that it has taken; `hyperparameters` are its result, None until it is finished.
    """

    study: int
    schedule: str
    seed: int
    status: str
    generations: int
    individuals: int
    budget: int
    steps: int
    hyperparameters: Mapping[str, float] | None
    created: str


def run_set_summary_documents(records: Sequence[RunSetRecord]) -> list[RunSetSummaryDocument]:
    """Return run sets without their runs as documents that tell them apart, ordered by number."""
    ordered = sorted(records, key=lambda record: record.id)
    alike: dict[tuple[object, ...], list[Mapping[str, float]]] = {}
    for record in ordered:
        alike.setdefault(_optimizer_on_task(record), []).append(record.spec.hyperparameters.values)
    return [_run_set_summary(record, alike[_optimizer_on_task(record)]) for record in ordered]


def _optimizer_on_task(record: RunSetRecord) -> tuple[object, ...]:
    return record.spec.task.key, record.spec.optimizer.label


def _run_set_summary(record: RunSetRecord, alike: Sequence[Mapping[str, float]]) -> RunSetSummaryDocument:
    spec, values = record.spec, record.spec.hyperparameters.values
    at_milestones = [losses for _, losses in sorted(_step_losses(record).items())]
    losses = at_milestones[-1] if at_milestones else []
    finite = [loss for loss in losses if math.isfinite(loss)]
    latest = max(record.provenances, key=lambda provenance: provenance.started, default=None)
    return {
        **run_settings_document(record),
        "different": {n: v for n, v in values.items() if any(other.get(n) != v for other in alike)},
        "steps": spec.steps,
        "seconds": spec.seconds,
        "timed": spec.timed,
        "seeds": spec.num_seeds,
        "missing": len(record.missing_seeds),
        "loss": mean(finite) if finite else None,
        "diverged": len(losses) - len(finite),
        "created": record.created,
        "host": "" if latest is None else latest.host,
        "command": "" if latest is None else latest.command,
        **annotation_document(record.annotation),
    }


def _step_losses(record: RunSetRecord) -> dict[Milestone, list[float]]:
    """Return the losses of the finished runs at each step milestone."""
    found: dict[Milestone, list[float]] = {}
    for run in record.runs:
        if run.status in (Status.COMPLETED, Status.DIVERGED):
            for milestone, loss in run.milestones.items():
                if milestone.unit == "steps":
                    found.setdefault(milestone, []).append(loss)
    return found


def study_summary_document(study: StudySummary) -> StudySummaryDocument:
    """Return a study in numbers as a document."""
    spec = study.spec
    return {
        "study": study.id,
        **task_document(spec.task),
        **optimizer_document(spec.optimizer),
        "schedule": spec.schedule.name,
        "seed": spec.seed,
        "status": study.status,
        "generations": study.num_generations,
        "individuals": study.num_individuals,
        "budget": spec.schedule.population * sum(plan.steps for plan in spec.schedule.generations),
        "steps": study.steps,
        "hyperparameters": None if study.result is None else study.result.values,
        "created": study.created,
        **annotation_document(study.annotation),
    }
