"""Output on standard output and standard error."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lodo_bench.errors import Interrupted
from lodo_bench.files.json import as_json


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document to standard output."""
    print(as_json(document))


def echo_err(message: str) -> None:
    """Print a message to standard error."""
    print(message, file=sys.stderr, flush=True)


def command_line() -> str:
    """Return the command that the user typed."""
    return shlex.join(["lodo-bench", *sys.argv[1:]])


@contextmanager
def resumable() -> Iterator[None]:
    """Turn an interrupt inside the block into an error that says how to resume.

    Raises:
        Interrupted: with the command to type; `--fresh` is left out of it, as it would discard what is stored.
    """
    try:
        yield
    except KeyboardInterrupt:
        arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
        command = shlex.join(["lodo-bench", *arguments])
        raise Interrupted(f"interrupted; everything finished is stored. Rerun to resume:\n  {command}") from None
