"""Data sets: their download, and the state of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lodo_bench.cli.output import echo_err, print_json, show_table
from lodo_bench.cli.views.download_progress import fetching_display
from lodo_bench.tasks.data.catalog import DATA_SETS, data_set_named
from lodo_bench.tasks.data.fetching import fetch
from lodo_bench.tasks.data.inventory import DataStatus, examine
from lodo_bench.tasks.data.places import data_directory


def fetch_data_set(name: str, json: bool) -> None:
    """Fetch a data set, and print where it is."""
    data_set = data_set_named(name)
    with fetching_display() as display:
        folder = fetch(data_set, None, display)
    echo_err(f"{data_set.name} is complete in '{folder}'.")
    if json:
        print_json(_document(examine(data_set)))


def print_status(json: bool) -> None:
    """Print the state of every file, and what to do about missing or damaged ones."""
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


def _print(found: Sequence[DataStatus]) -> None:
    rows = [
        [status.place.name, each.state, str(each.path), f"{each.file.size:,}"]
        for status in found
        for each in status.files
    ]
    show_table(["data set", "state", "path", "bytes"], rows, left=3)
    for status in found:
        for problem in (*(each.problem for each in status.files), status.problem):
            if problem:
                echo_err(f"{status.place.name}: {problem}.")
        if not status.ready:
            echo_err(f"{status.place.name}: {status.place.remedy}")
