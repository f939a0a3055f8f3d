"""Detection of changes by other processes."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from pathlib import Path

from sqlalchemy import func, select

from lodo_bench.errors import DatabaseError, Remedy
from lodo_bench.results.database import Database
from lodo_bench.results.location import file_of
from lodo_bench.results.readable_file import ReadableFile, file_state
from lodo_bench.results.schema import Base, IndividualRow, RunRow, RunSetAnnotationRow, StudyAnnotationRow, StudyRow

_ANNOTATIONS = (StudyAnnotationRow, RunSetAnnotationRow)


class ChangeDetector:
    """The version of a database: a text that differs after every change.

    SQLite counts the changes itself. On a server, the numbers of rows stand in for that, with the last number of each
    table, and the notes and tags: it is seen as soon as a result is stored.

    Args:
        location: a file's path or any SQLAlchemy URL; the database must exist.

    Raises:
        DatabaseError: if it cannot be opened.
    """

    def __init__(self, location: str) -> None:
        self._file = file_of(location)
        self._database = Database(location, create=False)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def version(self) -> str:
        """Return the version.

        Raises:
            DatabaseError: if the database is not there any more, or cannot be read.
        """
        if self._file is None:
            return self._count_rows()
        with self._lock:
            return self._ask_sqlite(self._file)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()
        if self._connection is not None:
            self._connection.close()

    def _ask_sqlite(self, file: Path) -> str:
        """Return SQLite's counter, which holds for one connection, and so for one file, until another replaces it.

        A file that SQLite cannot open in place has none; its state on the disk stands in for that.
        """
        try:
            state = file_state(file.resolve())
            inode = file.stat().st_ino
            if self._connection is None or inode != self._inode:
                readable = ReadableFile(file)
                if readable.way != "shared":
                    return str(state)
                self._connection = readable.connect()
                self._inode = inode
            (count,) = self._connection.execute("PRAGMA data_version").fetchone()
        except (OSError, sqlite3.Error) as error:
            message = f"database '{file}' cannot be read: {getattr(error, 'strerror', None) or error}."
            raise DatabaseError(message, remedy=Remedy.CHOOSE_DATABASE) from None
        return f"{inode}-{count}"

    def _count_rows(self) -> str:
        with self._database.reading() as session:
            counts = [session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables]
            finished = session.scalar(select(func.count(StudyRow.hyperparameters)))
            # Not the time of the last write: clocks go backward, and those of several machines differ.
            written = [session.scalar(select(func.max(table.id))) for table in (IndividualRow, RunRow)]
            noted = [session.execute(select(*table.__table__.columns)).all() for table in _ANNOTATIONS]
        digest = hashlib.sha256(repr([sorted(map(repr, rows)) for rows in noted]).encode()).hexdigest()
        return "-".join(map(str, (*counts, finished, *written, digest)))
