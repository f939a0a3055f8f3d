"""`lodo-bench data`: gets the data sets that tasks need, and tells what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import DataDirOption, JsonOption, set_data_directory
from lodo_bench.cli.output import command_line, echo_err, print_json, show_table
from lodo_bench.cli.remedies import explain
from lodo_bench.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from lodo_bench.tasks.data.inventory import DataStatus
    from lodo_bench.tasks.data.location import DataLocation

data = typer.Typer(help="Fetch and check the data sets that tasks need.", no_args_is_help=True)


@data.command()
def fetch(
    data_set: Annotated[str, typer.Argument(help="mnist or cifar10.", metavar="DATA_SET")],
    data_dir: DataDirOption = None,
) -> None:
    """Fetch a data set from its mirrors and check it; files that are there and right are kept."""
    from lodo_bench.cli.download_progress import fetching_display
    from lodo_bench.tasks.data.catalog import get_data_set
    from lodo_bench.tasks.data.fetching import fetch

    found = get_data_set(data_set)
    set_data_directory(data_dir)
    try:
        with fetching_display() as display:
            folder = fetch(found, None, display)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; whole files are kept. Continue with:\n  {command_line()}") from None
    echo_err(f"{found.name} is complete in '{folder}'.")


@data.command()
def status(data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """Check what there is of each data set, and tell what to do about the rest."""
    from lodo_bench.tasks.data.catalog import DATA_SETS
    from lodo_bench.tasks.data.inventory import verify
    from lodo_bench.tasks.data.location import data_directory

    set_data_directory(data_dir)
    found = [verify(data_set) for data_set in DATA_SETS.values()]
    if json:
        print_json({"directory": str(data_directory()), "data_sets": [_document(each) for each in found]})
    else:
        _print(found)


def _document(status: DataStatus) -> dict[str, Any]:
    location = status.location
    return {
        "name": location.name,
        "title": location.data_set.title,
        "directory": str(location.folder),
        "stand_in": location.stand_in,
        "ready": status.ready,
        "problem": status.problem,
        "remedy": "" if status.ready else _remedy(location),
        "files": [
            {
                "name": each.file.name,
                "path": str(each.path),
                "state": each.state,
                "size": each.file.size,
                "checksum": each.file.checksum,
                "problem": each.problem,
            }
            for each in status.files
        ],
    }


def _remedy(location: DataLocation) -> str:
    return explain(UsageError("", remedy=location.remedy, data_set=location.data_set.name)).strip()


def _print(found: list[DataStatus]) -> None:
    rows = [
        [status.location.name, each.state, str(each.path), f"{each.file.size:,}"]
        for status in found
        for each in status.files
    ]
    show_table(["data set", "state", "where", "bytes"], rows, left=3)
    for status in found:
        for problem in (*(each.problem for each in status.files), status.problem):
            if problem:
                echo_err(f"{status.location.name}: {problem}.")
        if not status.ready:
            echo_err(f"{status.location.name}: {_remedy(status.location)}")
