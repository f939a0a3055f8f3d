"""Options that several commands share, and the parsing of their values."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lodo_bench.api.requests import DEFAULT_DATABASE
from lodo_bench.cli.numbers import within
from lodo_bench.cli.output import echo_err
from lodo_bench.errors import UsageError, check_choice
from lodo_bench.files.paths import empty
from lodo_bench.spec.numbers import NONNEGATIVE, RECORD, WORKERS
from lodo_bench.spec.options import Value
from lodo_bench.spec.selection import Selection

if TYPE_CHECKING:
    from lodo_bench.results.reader import Results
    from lodo_bench.results.store import Store

__all__ = ["DEFAULT_DATABASE"]
choice = check_choice


DATABASE_VARIABLE = "LODO_BENCH_DB"


def _check_variable(is_needed: bool) -> None:
    """Refuse an empty variable, which Click would take for none: results would go to another database than meant."""
    if is_needed and os.environ.get(DATABASE_VARIABLE) == "":
        message = f"{empty(f'the environment variable {DATABASE_VARIABLE}')[:-1]} (unset {DATABASE_VARIABLE})."
        raise UsageError(message)


def _check_database(context: typer.Context, location: str) -> str:
    source = context.get_parameter_source("db")
    _check_variable(source is not None and source.name == "DEFAULT")
    _check_stored(location)
    return location


def _check_stored(location: str) -> None:
    if location in (":memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:"):
        raise UsageError(
            f"the database '{location}' is in memory, and would be lost at the end of the command. Give a file's path, "
            f"or a URL."
        )


DatabaseOption = Annotated[
    str,
    typer.Option(
        "--db",
        envvar=DATABASE_VARIABLE,
        help="Results database: a file or any SQLAlchemy URL.",
        metavar="DB",
        callback=_check_database,
    ),
]
DatabasesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--db",
        help="Results database: a file or any SQLAlchemy URL; repeatable, to read several as one.",
        metavar="DB",
        show_default=f"{DATABASE_VARIABLE}, else {DEFAULT_DATABASE}",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OptimizersArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Optimizers; see 'lodo-bench list optimizers'.", metavar="OPTIMIZER", show_default=False),
]
OptimizersOption = Annotated[
    list[str] | None,
    typer.Option("--optimizer", help="Same as the argument OPTIMIZER; repeatable.", metavar="NAME"),
]
TaskOptionOption = Annotated[
    list[str] | None,
    typer.Option("--task-option", "-T", help="Option of the task, e.g. noise_variance=4.", metavar="NAME=VALUE"),
]
OptimizerOptionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--optimizer-option", "-O", help="Structural option of the optimizer, e.g. layers=8.", metavar="NAME=VALUE"
    ),
]
SpaceOption = Annotated[
    str | None,
    typer.Option(
        help="Search space of an adapted optimizer: a YAML file or a shipped space, e.g. sgd-nesterov.",
        metavar="FILE|NAME",
        show_default="the optimizer's own",
    ),
]
RecipeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--recipe",
        "-R",
        help="Weight decay, clipping or schedule around the update, e.g. schedule=cosine or weight_decay=tune; "
        "repeatable.",
        metavar="NAME=VALUE",
    ),
]
OnlyTaskOption = Annotated[
    str | None, typer.Option("--task", "-t", help="Only this task.", metavar="TASK", show_default=False)
]
OnlyOptimizersOption = Annotated[
    list[str] | None,
    typer.Option("--optimizer", help="Only this optimizer; repeatable.", metavar="NAME", show_default=False),
]
OnlyRunSetsOption = Annotated[
    list[int] | None,
    typer.Option("--run-set", help="Only this run set; repeatable.", metavar="N", show_default=False, **within(RECORD)),
]
OnlyStudiesOption = Annotated[
    list[int] | None,
    typer.Option(
        "--study",
        help="Only this study and the run sets at its result; repeatable.",
        metavar="N",
        show_default=False,
        **within(RECORD),
    ),
]
OnlySourcesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        help="Only hyperparameters from this source: tuned, paper, default or given; repeatable.",
        metavar="SOURCE",
        show_default=False,
    ),
]
OnlyTagsOption = Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only what has this tag; repeatable.", metavar="TAG", show_default=False),
]
OutputOption = Annotated[
    str | None, typer.Option("--output", "-o", help="Output file.", metavar="FILE", show_default="standard output")
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        help="Parallel workers.", metavar="N", show_default="one per CPU; 0 = this process", **within(WORKERS)
    ),
]
GpusPerWorkerOption = Annotated[
    float | None,
    typer.Option(
        help="Share of a GPU for each worker; implies --device cuda.",
        metavar="SHARE",
        show_default=False,
        **within(NONNEGATIVE),
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(help="Running Ray cluster, e.g. auto.", metavar="HOST", show_default="this machine"),
]
EngineOption = Annotated[
    str,
    typer.Option(
        help="processes (on this machine), ray, or auto, which uses Ray for GPUs and clusters only.", metavar="ENGINE"
    ),
]
DeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda.", metavar="DEVICE", show_default="cpu")]
DTypeOption = Annotated[
    str | None,
    typer.Option(help="float32 or float64.", metavar="DTYPE", show_default="the task's own"),
]
BackendOption = Annotated[str, typer.Option(help="auto, torch, numba (CPU) or triton (GPU).", metavar="BACKEND")]
DataDirOption = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        envvar="LODO_BENCH_DATA",
        help="Directory of the data sets, DIR/mnist and so on.",
        metavar="DIR",
        show_default="the user's cache",
    ),
]


def set_data_directory(directory: str | None) -> None:
    """Make `directory`, if any is given, the data directory of this process and of all that it starts.

    Raises:
        UsageError: if it is in a home directory that does not exist.
    """
    if directory is not None:
        from lodo_bench.files.data_directory import DATA_VARIABLE, data_directory

        os.environ[DATA_VARIABLE] = str(data_directory(directory))  # absolute: workers run in other directories


def assignments(texts: Sequence[str] | None, option: str) -> dict[str, Value]:
    """Split repeated `name=value` options.

    Raises:
        UsageError: for one that is not of this form or is given twice.
    """
    found: dict[str, Value] = {}
    for text in texts or ():
        name, _, value = (part.strip() for part in text.partition("="))
        if not (name and value):
            raise UsageError(
                f"{option} '{text}' is not of the form name=value. Write, for example, {option} {name or 'name'}=0.1."
            )
        if name in found:
            raise UsageError(f"{option} {name} is given twice. Give it once.")
        found[name] = value
    return found


def selection(
    task: str | None = None,
    optimizers: Sequence[str] | None = None,
    run_sets: Sequence[int] | None = None,
    studies: Sequence[int] | None = None,
    sources: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
) -> Selection:
    """Return what the options of these names select."""
    numbers = tuple(run_sets or ()), tuple(studies or ())
    return Selection(task, tuple(optimizers or ()), *numbers, tuple(sources or ()), tuple(tags or ()))


def open_store(location: str) -> Store:
    """Open the results at `location`, which must exist."""
    from lodo_bench.api.reading import open_store

    return open_store(location, echo_err)


def databases(given: Sequence[str] | None) -> Sequence[str]:
    """Return the databases to read: those of `--db`, else that of the environment, else the default one."""
    _check_variable(not given)
    locations = given or [os.environ.get(DATABASE_VARIABLE, DEFAULT_DATABASE)]
    for location in locations:
        _check_stored(location)
    return locations


def open_results(given: Sequence[str] | None) -> Results:
    """Open the databases of `--db`, which must exist, for reading."""
    from lodo_bench.api.reading import open_results

    return open_results(databases(given), echo_err)
