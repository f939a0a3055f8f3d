"""Results of final runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import typer

from lodo_bench.analysis.comparison import summarize_run_set
from lodo_bench.analysis.documents import Metrics, run_set_document
from lodo_bench.api.reading import open_store
from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.cli.views.table import show_table
from lodo_bench.report.formatting import mean_and_spread, mean_speed, number, speed
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import MetricHistory, Status
from lodo_bench.spec.run_set import RunSetRecord


def print_run_sets(records: Sequence[RunSetRecord], db: str, json: bool) -> None:
    """Print the results of final runs: a table for each run set, or one JSON document.

    Raises:
        typer.Exit: with exit code 3, if runs failed.
    """
    store = open_store(db)
    metrics = [store.metrics(record.id) for record in records]
    if json:
        documents = [run_set_document(record, found) for record, found in zip(records, metrics, strict=True)]
        print_json(documents[0] if len(documents) == 1 else {"run_sets": documents})
    else:
        for index, (record, found) in enumerate(zip(records, metrics, strict=True)):
            if len(records) > 1:
                print(f"{'' if index == 0 else chr(10)}{record.spec.optimizer.label}{_study(record)}\n")
            print_runs(record, found)
    failed = [run for record in records for run in record.runs if run.status is Status.FAILED]
    if failed:
        total = sum(len(record.runs) for record in records)
        echo_err(f"{len(failed)} of {total} runs failed: {failed[0].reason}")
        raise typer.Exit(3)


def _study(record: RunSetRecord) -> str:
    """Return the study at whose result the runs were made, if there is one."""
    number = record.spec.hyperparameters.study_id
    return "" if number is None else f", study {number}"


def print_runs(record: RunSetRecord, metrics: Mapping[int, Metrics]) -> None:
    """Print a table with a row for each run."""
    row, timed = summarize_run_set(record), record.spec.timed
    names = list(dict.fromkeys(name for found in metrics.values() for name in found))
    scores = _scores(record, names)
    headers = ["seed", "status", *(f"loss at {milestone.title}" for milestone in row.losses)]
    headers += [f"{_title(name)} at {milestone.title}" for milestone, name in scores]
    headers += [_title(name) for name in names]
    rows = []
    for run in record.runs:
        clock = [number(run.training_seconds), speed(run.steps_per_second)] if timed else []
        losses = [number(run.milestones.get(milestone)) for milestone in row.losses]
        found = [number(run.scores.get(milestone, {}).get(name)) for milestone, name in scores]
        histories = [_first_and_last(metrics.get(run.seed, {}).get(name)) for name in names]
        rows.append([str(run.seed), run.status, *losses, *found, *histories, *clock])
    losses = [mean_and_spread(found) for found in row.losses.values()]
    clock = ["", mean_speed(row.speed)] if timed else []
    rows.append(["all", f"{len(record.runs)} runs", *losses, *("" for _ in (*scores, *names)), *clock])
    show_table([*headers, *(["training s", "steps/s"] if timed else [])], rows, left=2)


def _scores(record: RunSetRecord, metrics: Collection[str]) -> list[tuple[Milestone, str]]:
    """Return the scores, by milestone and name, that are not those of a metric, which has a column of its own."""
    found = [(at, name) for run in record.runs for at, values in run.scores.items() for name in values]
    return [score for score in dict.fromkeys(found) if score[1] not in metrics]


def _title(name: str) -> str:
    return name.replace("_", " ")


def _first_and_last(history: MetricHistory | None) -> str:
    return "–" if history is None else f"{number(history.values[0])} → {number(history.values[-1])}"
