"""Results of searches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from lodo_bench.analysis.documents import task_document
from lodo_bench.analysis.edges import edges_of
from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.analysis.summary_documents import study_summary_document
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
        print_json({**task_document(task), "seed": request.seed, "seeds": request.seeds, "studies": studies})
    else:
        several = request.seeds > 1
        rows = [row for record in records for row in _rows(record, several)]
        headers = ["study", *(["seed"] if several else []), "optimizer", "hyperparameter", "tuned", "paper", "default"]
        show_table(headers, rows, left=3 + several)
        notes = edge_notes((record.spec.optimizer, record.hyperparameters) for record in records)
        for note in dict.fromkeys(notes):
            print()
            show_text(note)
    if any(record.count(Status.FAILED) for record in records):
        echo_err("Some individuals failed; see 'lodo-bench show study N'.")
        raise typer.Exit(3)


def _document(record: StudyRecord) -> Mapping[str, Any]:
    return {
        **study_summary_document(record.summary),
        "at_edge": edges_of(record.spec.optimizer, record.hyperparameters),
        "outcomes": {status.value: record.count(status) for status in Status},
    }


def _rows(record: StudyRecord, with_seed: bool) -> list[list[str]]:
    optimizer = record.spec.optimizer
    start = [str(record.id), *([str(record.spec.seed)] if with_seed else []), optimizer.label]
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
