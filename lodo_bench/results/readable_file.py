"""Reading an SQLite file, also where nothing can be written: in an archive, on a read-only mount, on a full disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal

from lodo_bench.errors import DatabaseError, Remedy
from lodo_bench.results.failures import cannot_be_written

BUSY_SECONDS = 60
# Files beside the database that hold a part of its content.
_RECOVERY = ("-wal", "-journal")
_COPIES = 5
# What is left where the usual folders of temporary files cannot be written.
_LAST_RESORT = "/dev/shm"

Way = Literal["shared", "frozen", "copy"]
# Of the database and its recovery files: number, size and time of change; None for a file that is empty or not there.
FileState = tuple[tuple[int, int, int] | None, ...]


class ReadableFile:
    """An SQLite file and the way in which it can be read at this moment.

    - `shared`: in place, as usual, while others may write.
    - `frozen`: in place, without locks, where SQLite cannot create the files by which processes agree, and where no
      process has them open. It holds only as long as the file does not change, which is checked before and after.
    - `copy`: a private copy, where in addition a crash has left a part of the content in a file that SQLite would have
      to work into the database.

    Args:
        path: the file, which must exist.
        writable: open it for writing where that is possible.
        patience: seconds to wait for a lock of another process.

    Attributes:
        way: the way in which it can be read.

    Raises:
        DatabaseError: if it cannot be read.
    """

    def __init__(self, path: Path, *, writable: bool = False, patience: float = BUSY_SECONDS) -> None:
        self._path = path.resolve()
        self._mode, self._patience = "rw" if writable else "ro", patience
        self._folder: Path | None = None
        try:
            with self._path.open("rb"):
                self._state = file_state(self._path)
        except PermissionError as error:
            raise DatabaseError(f"'{path}' cannot be read: {error.strerror}.", remedy=Remedy.CHOOSE_DATABASE) from None
        except OSError:
            self.way: Way = "shared"  # SQLite says what is wrong
            return
        self.way = self._find_way()

    def connect(self) -> sqlite3.Connection:
        """Open a connection, for any thread.

        Raises:
            sqlite3.Error: if SQLite cannot open it.
            DatabaseError: if a copy is necessary and cannot be made.
        """
        if self.way == "shared":
            return self._open(self._path, f"mode={self._mode}")
        if self.way == "frozen":
            return self._open(self._path, "mode=ro&immutable=1")
        if self._folder is None:
            self._make_copy(self._copy_files)
        assert self._folder is not None
        return self._open(self._folder / self._path.name, "mode=rw")

    def become_copy(self) -> None:
        """Make a private copy, which can be changed; connections from now on are to it."""
        if self.way != "copy":
            self._make_copy(self._copy_content)
            self.way = "copy"

    @property
    def is_current(self) -> bool:
        """False if the file has changed since, so that it must be opened anew."""
        return self.way == "shared" or file_state(self._path) == self._state

    def check_unchanged(self) -> None:
        """Check that what has been read is what one moment's file holds.

        Raises:
            DatabaseError: if another process has changed a file that was read without locks.
        """
        if self.way == "frozen" and file_state(self._path)[0] != self._state[0]:
            raise DatabaseError(
                f"another process has written to '{self._path}' while it was read, and where nothing can be written "
                f"beside it, the two cannot agree. Try again."
            )

    def _open(self, path: Path, query: str) -> sqlite3.Connection:
        uri = f"{path.as_uri()}?{query}"
        return sqlite3.connect(uri, uri=True, timeout=self._patience, check_same_thread=False)

    def _find_way(self) -> Way:
        # What a reader creates beside a file that it cannot write would keep the owner of the file from writing.
        may_create = os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK)
        if may_create or Path(f"{self._path}-shm").exists() or not self._uses_log():
            try:
                with closing(self._open(self._path, f"mode={self._mode}")) as connection:
                    connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
                return "shared"
            except UnicodeDecodeError:  # of a message that names what is damaged
                return "shared"
            except sqlite3.Error as error:
                if not cannot_be_written(error):
                    return "shared"  # SQLite says what is wrong when it is used
        return "copy" if any(self._state[1:]) else "frozen"

    def _uses_log(self) -> bool:
        """Return True for a database with write-ahead logging, of which the file's head tells."""
        with self._path.open("rb") as file:
            return file.read(20)[18:] == b"\x02\x02"

    def _make_copy(self, copy: Callable[[Path], None]) -> None:
        failures = []
        for parent in _temporary_folders():
            try:
                folder = Path(tempfile.mkdtemp(prefix="lodo-bench-", dir=parent))
            except OSError as error:
                failures.append(f"{parent}: {error.strerror}")
                continue
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            try:
                copy(folder / self._path.name)
            except (OSError, sqlite3.Error) as error:
                shutil.rmtree(folder, ignore_errors=True)
                failures.append(f"{parent}: {getattr(error, 'strerror', None) or error}")
            else:
                self._folder = folder
                return
        raise DatabaseError(
            f"'{self._path}' can be read only as a temporary copy, which cannot be made "
            f"({'; '.join(failures) or 'there is no folder of temporary files'}).",
            remedy=Remedy.COPY_DATABASE,
        )

    def _copy_files(self, target: Path) -> None:
        """Copy the database with its recovery files as they are at one moment."""
        for _ in range(_COPIES):
            self._state = file_state(self._path)
            for suffix, found in zip(("", *_RECOVERY), self._state, strict=True):
                Path(f"{target}{suffix}").unlink(missing_ok=True)
                if found is not None:
                    self._copy_file(Path(f"{self._path}{suffix}"), Path(f"{target}{suffix}"))
            if file_state(self._path) == self._state:
                return
        raise DatabaseError(f"another process keeps writing to '{self._path}' while it is copied. Try again later.")

    def _copy_file(self, source: Path, target: Path) -> None:
        try:
            with source.open("rb") as content:
                target.touch()
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
        except PermissionError as error:
            raise DatabaseError(
                f"'{source}', which holds a part of the results, cannot be read: {error.strerror}.",
                remedy=Remedy.CHOOSE_DATABASE,
            ) from None
        except FileNotFoundError:
            return  # the states differ, and it is copied again

    def _copy_content(self, target: Path) -> None:
        self._state = file_state(self._path)
        with closing(self.connect()) as source, closing(sqlite3.connect(target)) as copied:
            source.backup(copied)
        self.check_unchanged()


def file_state(path: Path) -> FileState:
    """Return what differs after every change of an SQLite file: numbers, sizes and times of it and what belongs to it.

    Raises:
        OSError: if the file cannot be examined.
    """
    return (_state(path.stat()), *(_state_if_any(Path(f"{path}{suffix}")) for suffix in _RECOVERY))


def _state_if_any(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _state(found) if found.st_size else None


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _temporary_folders() -> Iterator[str]:
    with suppress(FileNotFoundError):  # none can be written
        yield tempfile.gettempdir()
    if os.path.isdir(_LAST_RESORT):
        yield _LAST_RESORT
