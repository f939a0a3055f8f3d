"""Atomic file writes: a file is written completely, or not at all."""

from __future__ import annotations

import errno
import glob
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.files.paths import user_path

if sys.platform != "win32":
    import fcntl


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file next to `path`, which replaces `path` when the block ends.

    The replacement is durable: it survives a power failure after the block. If the block raises, `path` stays as it
    was and the temporary file is removed. If the process is killed, the next write of `path` removes it.

    Raises:
        OSError: if the file cannot be written.
    """
    with _write_beside(path, Path.replace) as file:
        yield file


@contextmanager
def write_new(path: Path) -> Iterator[BinaryIO]:
    """Do as `write_atomically` for a file that is not there yet.

    Raises:
        FileExistsError: if it is there when the block ends. It stays as it is.
        OSError: if the file cannot be written.
    """
    with _write_beside(path, _name_new) as file:
        yield file


def remove_temporary_files(path: Path) -> None:
    """Remove what writes of `path` have left behind whose process was killed; those in progress hold a lock."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError), temporary.open("rb+") as file:
            _lock(file, wait=False)
            temporary.unlink(missing_ok=True)


@contextmanager
def _write_beside(path: Path, rename: Callable[[Path, Path], object]) -> Iterator[BinaryIO]:
    remove_temporary_files(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _open_locked(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "posix":
                rename(temporary, path)  # before the lock ends with the block
        if os.name != "posix":  # where an open file cannot be renamed
            rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_directory(path.parent)


def _open_locked(temporary: Path) -> BinaryIO:
    while True:
        file = temporary.open("wb")
        with suppress(OSError):  # of a file system without locks, where abandoned files stay
            _lock(file, wait=True)
        if os.name != "posix" or os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another process took it for abandoned just before it was locked


def _lock(file: BinaryIO, *, wait: bool) -> None:
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _name_new(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError as error:  # of a file system without hard links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        temporary.replace(path)
    else:
        temporary.unlink()


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
