"""Data sets: their download, and the state of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.cli.remedies import explain
from lodo_bench.cli.views.download_progress import fetching_display
from lodo_bench.cli.views.table import show_table
from lodo_bench.errors import UsageError
from lodo_bench.files.data_directory import data_directory
from lodo_bench.tasks.data.catalog import DATA_SETS, get_data_set
from lodo_bench.tasks.data.fetching import fetch
from lodo_bench.tasks.data.inventory import DataStatus, verify
from lodo_bench.tasks.data.location import DataLocation


def fetch_data_set(name: str, json: bool) -> None:
    """Fetch a data set, and print where it is."""
    data_set = get_data_set(name)
    with fetching_display() as display:
        folder = fetch(data_set, None, display)
    echo_err(f"{data_set.name} is complete in '{folder}'.")
    if json:
        print_json(_document(verify(data_set)))


def print_status(json: bool) -> None:
    """Print the state of every file, and what to do about missing or damaged ones."""
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


def _print(found: Sequence[DataStatus]) -> None:
    rows = [
        [status.location.name, each.state, str(each.path), f"{each.file.size:,}"]
        for status in found
        for each in status.files
    ]
    show_table(["data set", "state", "path", "bytes"], rows, left=3)
    for status in found:
        for problem in (*(each.problem for each in status.files), status.problem):
            if problem:
                echo_err(f"{status.location.name}: {problem}.")
        if not status.ready:
            echo_err(f"{status.location.name}: {_remedy(status.location)}")
