"""The files in which Ray's processes write what they have to say."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_DRIVER = "driver.log"
_SERVERS = ("gcs_server.out", "gcs_server.err", "raylet.out", "raylet.err")
_MAX_BYTES = 100_000  # of each


def redirect_output(scratch: Path) -> None:
    """Redirect the standard streams of this process, and of those that it starts, to a file below `scratch`."""
    file = os.open(scratch / _DRIVER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)


def keep_logs(scratch: Path) -> str:
    """Write what Ray's processes have said to a file that stays, and return where it is, in words."""
    try:
        handle, path = tempfile.mkstemp(prefix="lodo-bench-ray-", suffix=".log")
        with os.fdopen(handle, "wb") as file:
            for each in _logs(scratch):
                file.write(f"--- {each.relative_to(scratch)}\n".encode() + each.read_bytes()[-_MAX_BYTES:] + b"\n")
    except OSError as error:
        return f"What Ray said of it could not be kept: {error.strerror}."
    return f"What Ray said of it is in {path}."


def _logs(scratch: Path) -> Iterator[Path]:
    for pattern in (_DRIVER, *(f"session_2*/logs/{name}" for name in _SERVERS)):
        yield from sorted(scratch.glob(pattern))
