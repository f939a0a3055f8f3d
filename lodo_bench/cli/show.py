"""`lodo-bench show`: one study, generation by generation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from lodo_bench.cli.output import print_json, show_table

if TYPE_CHECKING:
    from lodo_bench.spec.study import GenerationRecord, IndividualRecord, StudyRecord


def show(
    study: Annotated[int, typer.Argument(help="The study's number; see 'lodo-bench list studies'.", metavar="STUDY")],
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Show how a search went: each generation's mean, spread, best and failures."""
    record = open_store(db).study(study)
    if json:
        print_json({"study": _document(record)})
    else:
        _print(record)


def _document(record: StudyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "status": record.status,
        **asdict(record.spec),
        "optimizer": record.spec.optimizer.name,
        "optimizer_options": record.spec.optimizer.options,
        "hyperparameters": record.hyperparameters,
        "generations": [asdict(generation) for generation in record.generations],
        "individuals": [asdict(individual) for individual in record.individuals],
    }


def _print(record: StudyRecord) -> None:
    from lodo_bench.report.formatting import hyperparameter_list

    spec = record.spec
    result = hyperparameter_list((record.hyperparameters or {}).items())
    print(
        f"Study {record.id}: {spec.optimizer.label} on {spec.task.label}, schedule {spec.schedule.name}, "
        f"seed {spec.seed}, {record.status}" + (f"; result {result}" if result else "") + "\n"
    )
    names = list(record.generations[0].mean) if record.generations else []
    rows = [
        _cells(generation, [member for member in record.individuals if member.generation == generation.index])
        for generation in record.generations
    ]
    show_table([*_HEADERS, *(f"mean {name}" for name in names)], rows, left=0)
    for reason in sorted({member.reason for member in record.individuals if member.status == "failed"}):
        print(f"\nFailed: {reason}")


_HEADERS = ("gen.", "sigma", "steps", "evaluated", "diverged", "failed", "best loss", "median loss")


def _cells(generation: GenerationRecord, members: Sequence[IndividualRecord]) -> list[str]:
    from statistics import median

    from lodo_bench.report.formatting import number

    finite = [member.fitness for member in members if math.isfinite(member.fitness)]
    return [
        str(generation.index + 1),
        number(generation.sigma),
        str(generation.steps),
        str(len(members)),
        str(sum(member.status == "diverged" for member in members)),
        str(sum(member.status == "failed" for member in members)),
        number(min(finite, default=None)),
        number(median(finite) if finite else None),
        *(number(value) for value in generation.mean.values()),
    ]
