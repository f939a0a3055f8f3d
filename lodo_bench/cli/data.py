"""`lodo-bench data`: gets the data sets that tasks need, and tells what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodo_bench.cli.options import DataDirOption, JsonOption, set_data_directory
from lodo_bench.cli.output import command_line, echo_err, print_json, show_table
from lodo_bench.errors import Interrupted

if TYPE_CHECKING:
    from lodo_bench.tasks.data.inventory import DataStatus

data = typer.Typer(help="Fetch and check the data sets that tasks need.", no_args_is_help=True)


@data.command()
def fetch(
    data_set: Annotated[str, typer.Argument(help="mnist or cifar10.", metavar="DATA_SET")],
    data_dir: DataDirOption = None,
) -> None:
    """Fetch a data set from its mirrors and check it; files that are there and right are kept."""
    from lodo_bench.cli.download_progress import fetching_display
    from lodo_bench.tasks.data.catalog import data_set_named
    from lodo_bench.tasks.data.fetching import fetch

    found = data_set_named(data_set)
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
    from lodo_bench.tasks.data.inventory import examine
    from lodo_bench.tasks.data.places import data_directory

    set_data_directory(data_dir)
    found = [examine(data_set) for data_set in DATA_SETS.values()]
    if json:
        print_json({"directory": str(data_directory()), "data_sets": [_document(each) for each in found]})
    else:
        _print(found)


def _document(status: DataStatus) -> dict[str, Any]:
    place = status.place
    return {
        "name": place.name,
        "title": place.data_set.title,
        "directory": str(place.folder),
        "stand_in": place.stand_in,
        "ready": status.ready,
        "problem": status.problem,
        "remedy": "" if status.ready else place.remedy,
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


def _print(found: list[DataStatus]) -> None:
    rows = [
        [status.place.name, each.state, str(each.path), f"{each.file.size:,}"]
        for status in found
        for each in status.files
    ]
    show_table(["data set", "state", "where", "bytes"], rows, left=3)
    for status in found:
        for problem in (*(each.problem for each in status.files), status.problem):
            if problem:
                echo_err(f"{status.place.name}: {problem}.")
        if not status.ready:
            echo_err(f"{status.place.name}: {status.place.remedy}")
