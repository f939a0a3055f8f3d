"""Atomic file writes: a file is written completely, or not at all."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lodo_bench.errors import Remedy, UsageError


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file next to `path`, which replaces `path` when the block ends.

    The replacement is durable: it survives a power failure after the block. If the block raises, `path` stays as it
    was and the temporary file is removed.

    Raises:
        OSError: if the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_directory(path.parent)


def remove_temporary_files(path: Path) -> None:
    """Remove what writes of `path` have left behind whose process was killed."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        temporary.unlink(missing_ok=True)


@contextmanager
def open_output(name: str) -> Iterator[BinaryIO]:
    """Open a file that the user has named, to be written atomically.

    A link stays a link, and its target is replaced. A special file, such as a pipe, is written directly.

    Raises:
        UsageError: if the file cannot be opened.
    """
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"cannot write '{name}': it is a directory.", remedy=Remedy.CHOOSE_OUTPUT)
    is_special = path.exists() and not path.is_file()
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("wb") if is_special else write_atomically(path.resolve()))
        except OSError as error:
            raise UsageError(f"cannot write '{name}': {error.strerror}.", remedy=Remedy.CHOOSE_OUTPUT) from None
        yield file


def _sync_directory(directory: Path) -> None:
    """Make the entries of a directory durable, where the system lets a directory be synchronized."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
