"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from lodo_bench.errors import UsageError

if TYPE_CHECKING:
    from lodo_bench.results.store import Store
    from lodo_bench.spec.compute import BackendChoice, Device, DType
    from lodo_bench.spec.options import Value
    from lodo_bench.spec.provenance import Provenance
    from lodo_bench.spec.training import OptimizerSpec, TaskSpec

DEFAULT_DATABASE = "results/lodo-bench.db"

DatabaseOption = Annotated[
    str,
    typer.Option("--db", envvar="LODO_BENCH_DB", help="Results database: a file, or any SQLAlchemy URL.", metavar="DB"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output, nothing else.")]
TaskOptionOption = Annotated[
    list[str] | None,
    typer.Option("--task-option", "-t", help="An option of the task, e.g. noise_variance=4.", metavar="NAME=VALUE"),
]
OptimizerOptionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--optimizer-option", "-o", help="A structural option of the optimizer, e.g. layers=8.", metavar="NAME=VALUE"
    ),
]
DTypeOption = Annotated[
    str | None,
    typer.Option("--dtype", help="float32 or float64; the task's own choice by default.", metavar="DTYPE"),
]
KernelOption = Annotated[
    str,
    typer.Option(help="What computes: auto, torch, numba (on CPUs) or triton (on GPUs).", metavar="KERNEL"),
]
DataDirOption = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        envvar="LODO_BENCH_DATA",
        help="Where the data sets are, in DIR/mnist and so on; the user's cache directory by default.",
        metavar="DIR",
        show_default=False,
    ),
]


def set_data_directory(directory: str | None) -> None:
    """Make `directory`, if any is given, the data directory of this process and of all that it starts.

    Raises:
        UsageError: if it is in a home directory that there is not.
    """
    if directory:
        from lodo_bench.tasks.data.places import DATA_VARIABLE, data_directory

        # Whole, for workers are in working directories of their own.
        os.environ[DATA_VARIABLE] = str(data_directory(directory))


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
                f"{option} '{text}' is not of the form name=value. Write for example {option} {name or 'name'}=0.1."
            )
        if name in found:
            raise UsageError(f"{option} {name} is given twice. Give it once.")
        found[name] = value
    return found


def task_spec(name: str, options: Sequence[str] | None) -> TaskSpec:
    """The task of this name with these options; see `lodo_bench.tasks.task_spec`."""
    from lodo_bench import tasks

    return tasks.task_spec(name, assignments(options, "--task-option"))


def optimizer_spec(name: str, options: Sequence[str] | None) -> OptimizerSpec:
    """The optimizer of this name with these structural options; see `lodo_bench.optimizers.optimizer_spec`."""
    from lodo_bench import optimizers

    return optimizers.optimizer_spec(name, assignments(options, "--optimizer-option"))


def choice(value: str, choices: Sequence[str], what: str) -> str:
    """Return `value`.

    Raises:
        UnknownNameError: if it is not one of `choices`.
    """
    from lodo_bench.errors import UnknownNameError

    if value not in choices:
        raise UnknownNameError(what, value, choices)
    return value


def resolve_device(name: str) -> Device:
    """The device of this name, which must be there.

    Raises:
        UsageError: if there is no such device, or PyTorch sees none here.
    """
    from lodo_bench.spec.compute import Device
    from lodo_bench.training.validation import check_device

    device = cast("Device", choice(name, get_args(Device), "device"))
    check_device(device)
    return device


def resolve_backend(name: str, device: Device) -> BackendChoice:
    """The kernel of this name; for `auto`, the fastest that there is for the device.

    Raises:
        UsageError: if there is none of this name, or it cannot be used.
    """
    from lodo_bench.compute.selection import best_backend, check_backend
    from lodo_bench.spec.compute import BackendChoice

    kernel = cast("BackendChoice", choice(name, get_args(BackendChoice), "kernel"))
    check_backend(kernel, device)
    return best_backend(device) if kernel == "auto" else kernel


def resolve_dtype(dtype: str | None, task: str) -> DType:
    """The precision asked for, or the task's own choice.

    Raises:
        UnknownNameError: if there is no such precision.
    """
    from lodo_bench.spec.compute import DType
    from lodo_bench.tasks import TASKS

    return cast("DType", choice(dtype or TASKS.load(task).default_dtype, get_args(DType), "dtype"))


def open_store(location: str) -> Store:
    """The results at `location`, which must exist."""
    from lodo_bench.results.database import Database
    from lodo_bench.results.store import Store

    return Store(Database(location, create=False))


def open_store_for_writing(location: str, provenance: Provenance) -> Store:
    """The results at `location`, made if there are none."""
    from lodo_bench.results.database import Database
    from lodo_bench.results.store import Store

    return Store(Database(location, create=True), provenance)
