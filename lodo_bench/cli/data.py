"""`lodo-bench data`: fetch and verify data sets."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.options import DataDirOption, JsonOption, set_data_directory
from lodo_bench.cli.output import resumable
from lodo_bench.cli.renamed import Command, examples

data = typer.Typer(help="Fetch and verify the data sets that tasks need.", no_args_is_help=True)


@data.command(
    cls=Command, epilog=examples("lodo-bench data fetch mnist", "lodo-bench data fetch cifar10 --data-dir data")
)
def fetch(
    data_set: Annotated[str, typer.Argument(help="mnist or cifar10.", metavar="NAME")],
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Fetch a data set from its mirrors and verify it. Rerun the same command to resume."""
    set_data_directory(data_dir)
    from lodo_bench.cli.views.data import fetch_data_set

    with resumable(Kept(otherwise="What is downloaded is kept.")):
        fetch_data_set(data_set, json)


@data.command(cls=Command, epilog=examples("lodo-bench data status", "lodo-bench data status --json"))
def status(data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """Verify downloaded data sets."""
    set_data_directory(data_dir)
    from lodo_bench.cli.views.data import print_status

    print_status(json)
