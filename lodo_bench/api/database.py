"""Results databases by location."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.runs.provenance import collect_provenance
from lodo_bench.tasks import TASKS


def open_store(location: str) -> Store:
    """Open the results at `location`, which must exist."""
    return Store(Database(location, create=False))


def create_store(location: str, device: str, tasks: Sequence[str], threads: int, command: str) -> Store:
    """Open the results at `location` for writing; create them if there are none.

    Args:
        location: a file or an SQLAlchemy URL.
        device: recorded with the results, as all that follows.
        tasks: names of the tasks, of which the data sets are recorded.
        threads: the number that computes.
        command: the command; the running script if empty.
    """
    data = ", ".join(name for name in (TASKS.load(task).dataset_name() for task in tasks) if name)
    provenance = collect_provenance(device, command or shlex.join(["python", *sys.argv]), threads, data)
    return Store(Database(location, create=True), provenance)
