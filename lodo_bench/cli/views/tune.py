"""Results of searches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from lodo_bench.analysis.documents import study_summary_document, task_document
from lodo_bench.analysis.edges import edges_of
from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.api.requests import TuneRequest
from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.cli.views.table import show_table, show_text
from lodo_bench.optimizers import load_optimizer
from lodo_bench.report.formatting import edge_notes, number, tuned_cell
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import StudyRecord
from lodo_bench.tasks import task_spec


def print_studies(request: TuneRequest, records: Sequence[StudyRecord], json: bool) -> None:
    """Print the results of searches.

    Raises:
        typer.Exit: with exit code 3, if individuals failed.
    """
    if json:
        task = task_spec(request.task, request.task_options)
        studies = [_document(record) for record in records]
        print_json({**task_document(task), "seed": request.seed, "studies": studies})
    else:
        rows = [row for record in records for row in _rows(record)]
        show_table(["study", "optimizer", "hyperparameter", "tuned", "paper", "default"], rows, left=3)
        for note in edge_notes((record.spec.optimizer, record.hyperparameters) for record in records):
            print()
            show_text(note)
    if any(record.count(Status.FAILED) for record in records):
        echo_err("Some individuals failed; see 'lodo-bench show study N'.")
        raise typer.Exit(3)


def _document(record: StudyRecord) -> Mapping[str, Any]:
    return {
        **study_summary_document(record.summary),
        "hyperparameters": record.hyperparameters,
        "at_edge": edges_of(record.spec.optimizer, record.hyperparameters),
        "outcomes": {status.value: record.count(status) for status in Status},
    }


def _rows(record: StudyRecord) -> list[list[str]]:
    optimizer = record.spec.optimizer
    start = [str(record.id), optimizer.label]
    published = published_hyperparameters(record.spec.task, optimizer) or {}
    edges = edges_of(optimizer, record.hyperparameters)
    rows = []
    for parameter in load_optimizer(optimizer).hyperparameters:
        tuned = (record.hyperparameters or {}).get(parameter.name)
        others = (published.get(parameter.name), parameter.initial)
        cells = (tuned_cell(tuned, edges, parameter.name, 6), *(number(value, 6) for value in others))
        rows.append([*start, parameter.name, *cells])
    if record.state is not None:
        best = min(member.fitness for member in record.individuals if math.isfinite(member.fitness))
        rows.append([*start, "weights", f"meta-trained (loss {number(best)})", "–", "–"])
    return rows
