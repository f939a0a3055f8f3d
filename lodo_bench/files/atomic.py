"""Atomic file writes: a file is written completely, or not at all."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.files.paths import user_path


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


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist; if that fails, nothing is left of it.

    Raises:
        FileExistsError: if it exists.
        OSError: if it cannot be written.
    """
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise


def remove_temporary_files(path: Path) -> None:
    """Remove what writes of `path` have left behind whose process was killed."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        temporary.unlink(missing_ok=True)


@contextmanager
def open_output(name: str) -> Iterator[BinaryIO]:
    """Open a file that the user has named, to be written atomically; `~` is the home directory.

    A link stays a link, and its target is replaced. A special file, such as a pipe, is written directly.

    Raises:
        UsageError: if the file cannot be opened or written, such as on a full disk; then a file of this name stays as
            it was.
    """
    path = user_path(name, "output")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        is_special = path.exists() and not path.is_file()
        with path.open("wb") if is_special else write_atomically(path.resolve()) as file:
            yield file
    except OSError as error:
        raise UsageError(f"cannot write '{name}': {_reason(error, path)}.", remedy=Remedy.CHOOSE_OUTPUT) from None


def _reason(error: OSError, path: Path) -> str:
    """Return why a file cannot be written, and what is left."""
    reason = error.strerror or str(error)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return reason
    kept = "the former file is unchanged" if path.is_file() else "no part of it is left"
    return f"{reason} in '{path.absolute().parent}'; {kept}"


def _sync_directory(directory: Path) -> None:
    """Make the entries of a directory durable, where the system lets a directory be synchronized."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
