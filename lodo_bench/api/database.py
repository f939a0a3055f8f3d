"""Results databases that are written, with the provenance of what is stored."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from lodo_bench.api.progress import ProgressReporter
from lodo_bench.api.requests import RunRequest, TuneRequest
from lodo_bench.files.passwords import without_passwords
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.runs.provenance import collect_provenance
from lodo_bench.tasks import TASKS


def create_store(
    request: TuneRequest | RunRequest, device: str, tasks: Sequence[str], threads: int, progress: ProgressReporter
) -> Store:
    """Open the results of a request for writing; create them if there are none.

    Args:
        request: has the location, and the command to record: the running script if empty.
        device: recorded with the results.
        tasks: names of the tasks, of which the data sets are recorded.
        threads: the number that computes; recorded with the results.
        progress: receives a notice if the database is upgraded.
    """
    data = ", ".join(name for name in (TASKS.load(task).dataset_name() for task in tasks) if name)
    provenance = collect_provenance(device, request.command or script(), threads, data)
    return Store(Database(request.db, create=True, on_notice=progress.notice), provenance)


def script() -> str:
    """Return the command of the running script, to record with results; without passwords."""
    return without_passwords(shlex.join(["python", *sys.argv]))
