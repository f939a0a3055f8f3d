"""The data sets: where they are, and whether they are verified."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from lodo_bench.doctor.finding import Finding
from lodo_bench.errors import UsageError


def check_data() -> Iterator[Finding]:
    """Check the data directory, and the files of every data set in it."""
    from lodo_bench.files.data_directory import DATA_VARIABLE, data_directory
    from lodo_bench.tasks.data.catalog import DATA_SETS

    is_chosen = bool(os.environ.get(DATA_VARIABLE))
    remedy = f"unset {DATA_VARIABLE}" if is_chosen else f"export {DATA_VARIABLE}=/tmp/lodo-bench-data"
    try:
        directory = data_directory()
    except UsageError as error:
        yield Finding(error.message.rstrip("."), "problem", remedy)
        return
    if directory.is_dir():
        yield Finding(f"the data directory is {directory}")
    elif directory.exists():
        yield Finding(f"the data directory {directory} is a file", "problem", remedy)
    elif is_chosen:
        create = f"mkdir -p {shlex.quote(str(directory))}"
        yield Finding(f"{DATA_VARIABLE} names {directory}, which does not exist", "problem", create)
    else:
        yield Finding(f"the data directory will be {directory}")
    for name in DATA_SETS:
        yield _data_set(name)


def _data_set(name: str) -> Finding:
    from lodo_bench.tasks.data.catalog import DATA_SETS
    from lodo_bench.tasks.data.inventory import verify

    fetch = f"lodo-bench data fetch {name}"
    try:
        status = verify(DATA_SETS[name])
    except UsageError as error:
        return Finding(error.message.rstrip("."), "problem", "Correct the file, or remove it.")
    states = [file.state for file in status.files]
    if status.ready:
        return Finding(f"{status.location.name} is verified, in {status.location.folder}")
    if set(states) == {"missing"}:
        return Finding(f"{name} is not there; only the task {name} needs it ({fetch})")
    reasons = [file.problem for file in status.files if file.problem] or [status.problem]
    remedy = f"Restore the files of the stand-in in {status.location.folder}." if status.location.stand_in else fetch
    count = f"{states.count('verified')} of {len(states)} files are verified"
    detail = f" ({reasons[0]})" if reasons[0] else ""
    return Finding(f"{status.location.name} in {status.location.folder}: {count}{detail}", "problem", remedy)
