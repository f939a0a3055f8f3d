"""`lodo-bench report`: what the final runs have shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, reading
from lodo_bench.cli.output import emit, note

if TYPE_CHECKING:
    from lodo_bench.results.report.comparison import Comparison, Row
    from lodo_bench.spec import Bound, TaskSpec


def report(
    task: Annotated[str | None, typer.Option(help="One task only.", show_default=False)] = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Print tables of all final runs beside the paper's numbers, as markdown."""
    from lodo_bench.results.report.comparison import compare
    from lodo_bench.results.report.markdown import render
    from lodo_bench.tasks import TASKS

    if task is not None:
        TASKS.check(task)
    comparisons = compare(reading(db).run_sets(task), _bound)
    if json:
        emit({"comparisons": [_document(comparison) for comparison in comparisons]})
    elif comparisons:
        print("\n".join(render(comparison) for comparison in comparisons), end="")
    else:
        note(f"There are no final runs{f' of {task}' if task else ''} yet. Make some with 'lodo-bench run'.")


def _bound(task: TaskSpec) -> Bound | None:
    from lodo_bench.tasks import TASKS

    return TASKS.load(task.name).bound(task.options)


def _document(comparison: Comparison) -> dict[str, Any]:
    return {
        "task": comparison.task.name,
        "task_options": comparison.task.options,
        "bound": None if comparison.bound is None else asdict(comparison.bound),
        "rows": [_row_document(row) for row in comparison.rows],
        "provenances": [asdict(provenance) for provenance in comparison.provenances],
    }


def _row_document(row: Row) -> dict[str, Any]:
    return {
        "optimizer": row.optimizer.name,
        "optimizer_options": row.optimizer.options,
        "hyperparameters": row.hyperparameters.values,
        "hyperparameters_source": row.hyperparameters.source,
        "hyperparameters_origin": row.hyperparameters.origin,
        "arithmetic": row.arithmetic,
        "milestones": {
            key: {
                "loss": asdict(summary),
                "published": asdict(row.published[key]) if key in row.published else None,
            }
            for key, summary in row.losses.items()
        },
        "steps_per_second": None if row.speed is None else asdict(row.speed),
        "machines": [asdict(machine) for machine in row.machines],
        "unfinished": row.unfinished,
    }
