"""`lodo-bench list`: what there is to tune and run, and what has been."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, choice, open_store
from lodo_bench.cli.output import print_json, show_table

if TYPE_CHECKING:
    from lodo_bench.spec.options import Option


def list_(
    what: Annotated[str, typer.Argument(help="tasks, optimizers, studies or runs.", metavar="WHAT")],
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """List tasks, optimizers, studies (searches) or runs (sets of final runs)."""
    entries = _LISTS[choice(what, tuple(_LISTS), "list")](db)
    if json:
        print_json({what: entries})
        return
    headers = [title.replace("_", " ") for title in entries[0]] if entries else [what]
    show_table(headers, [[_cell(value) for value in entry.values()] for entry in entries], left=len(headers))


def _tasks(_db: str) -> list[dict[str, Any]]:
    from lodo_bench.tasks import TASKS

    kinds = {name: TASKS.load(name) for name in TASKS.names}
    return [
        {
            "name": name,
            "description": _first_line(kind),
            "options": _parameters(kind.options_table),
            "step_milestone": kind.step_milestone,
            "dtype": kind.default_dtype,
        }
        for name, kind in kinds.items()
    ]


def _optimizers(_db: str) -> list[dict[str, Any]]:
    from lodo_bench.optimizers import OPTIMIZERS

    kinds = {name: OPTIMIZERS.load(name) for name in OPTIMIZERS.names}
    return [
        {
            "name": name,
            "description": _first_line(kind),
            "hyperparameters": _parameters(kind.hyperparameters),
            "options": _parameters(kind.options_table),
            "complexity": kind.complexity,
            "reference": kind.reference,
        }
        for name, kind in kinds.items()
    ]


def _studies(db: str) -> list[dict[str, Any]]:
    return [
        {
            "study": record.id,
            "task": record.spec.task.label,
            "optimizer": record.spec.optimizer.label,
            "schedule": record.spec.schedule.name,
            "seed": record.spec.seed,
            "status": record.status,
            "generations": record.num_generations,
            "evaluated": record.num_individuals,
        }
        for record in open_store(db).study_summaries()
    ]


def _runs(db: str) -> list[dict[str, Any]]:
    return [
        {
            "run_set": record.id,
            "task": record.spec.task.label,
            "optimizer": record.spec.optimizer.label,
            "hyperparameters": record.spec.hyperparameters.source,
            "steps": record.spec.steps,
            "seconds": record.spec.seconds,
            "timed": record.spec.timed,
            "seeds": record.spec.num_seeds,
            "missing": len(record.missing_seeds),
        }
        for record in open_store(db).run_sets()
    ]


_LISTS: Mapping[str, Callable[[str], list[dict[str, Any]]]] = {
    "tasks": _tasks,
    "optimizers": _optimizers,
    "studies": _studies,
    "runs": _runs,
}


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _parameters(parameters: Sequence[Option]) -> list[dict[str, Any]]:
    return [{"name": p.name, "short": p.alias, "kind": p.kind, "default": p.default} for p in parameters]


def _cell(value: Any) -> str:
    from lodo_bench.spec.options import format_value

    if isinstance(value, list):
        return ", ".join(f"{p['name']} ({p['short']}) = {format_value(p['default'])}" for p in value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
