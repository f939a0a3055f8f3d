"""`lodo-bench doctor`: the state of the installation and the machine."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, DataDirOption, JsonOption
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.errors import UsageError
from lodo_bench.files.paths import empty

EXAMPLES = (
    "lodo-bench doctor",
    "lodo-bench doctor --ray",
    "lodo-bench doctor --db other.db --json",
)


def doctor(
    ray: Annotated[bool, typer.Option("--ray", help="Also start a Ray cluster on this machine and stop it.")] = False,
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Check versions, devices, threads, backends, data sets, database and folders; suggest a fix for each problem.

    The exit code is 3 if there is a problem. Nothing is changed.
    """
    with loading(), no_garbage_collection():
        from lodo_bench.cli.views.doctor import print_diagnoses
        from lodo_bench.doctor.checks import diagnose
        from lodo_bench.files.data_directory import DATA_VARIABLE

    if data_dir is not None:
        if not data_dir:
            raise UsageError(empty("--data-dir"))
        os.environ[DATA_VARIABLE] = data_dir  # as it is: an invalid one is a finding
    print_diagnoses(diagnose(db, start_ray=ray), json)
