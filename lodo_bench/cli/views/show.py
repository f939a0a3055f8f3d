"""One study, generation by generation, and one run set, run by run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from lodo_bench.analysis.documents import damaged_document, run_set_document, study_document
from lodo_bench.analysis.edges import edges_of, edges_of_runs
from lodo_bench.analysis.settings import run_set_settings, study_settings
from lodo_bench.cli.output import print_json
from lodo_bench.cli.views.provenance import print_commands, print_settings
from lodo_bench.cli.views.run import print_runs
from lodo_bench.cli.views.table import show_table, show_text
from lodo_bench.report.formatting import hyperparameter_list, hyperparameter_text, number
from lodo_bench.results.reader import Results
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord

_HEADERS = ("gen.", "sigma", "steps", "evaluated", "diverged", "failed", "best loss", "median loss")


def show_study(study: StudyRecord, results: Results, json: bool) -> None:
    """Print a study: each generation's mean, σ, best loss and failures, its settings and its commands."""
    commands = results.provenances(study.id)
    if json:
        print_json({**study_document(study, commands), **damaged_document(results.damaged)})
        return
    spec = study.spec
    result = hyperparameter_list(study.hyperparameters or {}, edges_of(spec.optimizer, study.hyperparameters))
    show_text(
        f"Study {study.id}: {spec.optimizer.label} on {spec.task.label}, schedule {spec.schedule.name}, "
        f"seed {spec.seed}, {study.status}" + (f"; result {result}" if result else "")
    )
    print()
    print_settings(study_settings(spec), study.created, study.annotation)
    names = list(study.generations[0].mean) if study.generations else []
    rows = [
        _cells(generation, [each for each in study.individuals if each.generation == generation.index])
        for generation in study.generations
    ]
    show_table([*_HEADERS, *(f"mean {name}" for name in names)], rows, left=0)
    for reason in sorted({each.reason for each in study.individuals if each.status is Status.FAILED}):
        print()
        show_text(f"Failed: {reason}")
    print_commands(commands, [""] * len(commands))


def show_run_set(record: RunSetRecord, results: Results, json: bool) -> None:
    """Print a run set: its hyperparameters and settings, the result of each run, and the commands."""
    metrics = results.metrics(record.id)
    if json:
        print_json({**run_set_document(record, metrics), **damaged_document(results.damaged)})
        return
    spec = record.spec
    edges = edges_of_runs(spec.optimizer, spec.hyperparameters)
    show_text(
        f"Run set {record.id}: {spec.optimizer.label} on {spec.task.label}, {spec.compute.label}; "
        f"{spec.hyperparameters.label} hyperparameters: {hyperparameter_text(spec.hyperparameters, edges)}"
    )
    print()
    print_settings(run_set_settings(spec), record.created, record.annotation)
    if record.runs:
        print_runs(record, metrics)
    seeds = [
        [
            str(run.seed)
            for run, provenance in zip(record.runs, record.provenances, strict=True)
            if provenance == command
        ]
        for command in record.commands
    ]
    print_commands(record.commands, [f" (seed{'s' * (len(own) > 1)} {', '.join(own)})" for own in seeds])


def _cells(generation: GenerationRecord, individuals: Sequence[IndividualRecord]) -> list[str]:
    finite = [individual.fitness for individual in individuals if math.isfinite(individual.fitness)]
    return [
        str(generation.index + 1),
        number(generation.sigma),
        str(generation.steps),
        str(len(individuals)),
        *(str(sum(each.status is status for each in individuals)) for status in (Status.DIVERGED, Status.FAILED)),
        number(min(finite, default=None)),
        number(median(finite) if finite else None),
        *(number(value) for value in generation.mean.values()),
    ]
