"""The state of a database, found without changing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, exc, inspect, select, text

from lodo_bench.errors import DatabaseError
from lodo_bench.results.location import url_of
from lodo_bench.results.postgresql import missing_driver, server_engine
from lodo_bench.results.readable_file import ReadableFile
from lodo_bench.results.schema import OLDEST_VERSION, SCHEMA_VERSION, SchemaRow

_TABLE = SchemaRow.__tablename__
_BUSY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """The state of a database.

    Attributes:
        version: that of the schema; None if there are no tables yet.
        damage: the first inconsistency of a file; empty if there is none, or for a server.
        is_writable: true if a transaction for writing can begin.
        is_busy: true if another process is writing at the moment.
    """

    version: int | None
    damage: str = ""
    is_writable: bool = True
    is_busy: bool = False

    @property
    def is_older(self) -> bool:
        """True if it will be upgraded when it is next opened."""
        return self.version is not None and OLDEST_VERSION <= self.version < SCHEMA_VERSION

    @property
    def is_unknown(self) -> bool:
        """True if this program cannot read its version."""
        return self.version is not None and not OLDEST_VERSION <= self.version <= SCHEMA_VERSION


def examine_file(path: Path) -> DatabaseHealth:
    """Examine an SQLite database, which must exist.

    Raises:
        DatabaseError: if it is no database, is one of another program, or cannot be read.
    """
    try:
        with closing(ReadableFile(path, patience=_BUSY_SECONDS).connect()) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and _TABLE not in tables:
                raise DatabaseError(f"'{path}' is a database of another program.")
            versions = connection.execute(f"SELECT version FROM {_TABLE}").fetchall() if tables else [(None,)]
            if len(versions) != 1:
                raise DatabaseError(f"'{path}' is damaged: it has {len(versions)} schema versions instead of one.")
            ((version,),) = versions
            (first,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter of a message that names what is damaged
        raise DatabaseError(f"'{path}' cannot be read: {error}.") from None
    is_writable, is_busy = _try_to_write(path)
    return DatabaseHealth(version, "" if first == "ok" else " ".join(first.split()), is_writable, is_busy)


def examine_server(location: str) -> DatabaseHealth:
    """Examine a database on a server.

    Raises:
        DatabaseError: if it cannot be reached, has no driver, or is one of another program.
    """
    url = url_of(location)
    try:
        engine = server_engine(url)
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            version = connection.scalar(select(SchemaRow.version)) if _TABLE in tables else None
            is_writable = _may_write(connection, bool(tables))
        engine.dispose()
    except (ImportError, exc.NoSuchModuleError) as error:
        raise missing_driver(url, error) from None
    except (exc.SQLAlchemyError, OSError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
        raise DatabaseError(f"the database cannot be reached: {reason}.") from None
    if tables and version is None:
        raise DatabaseError("the database is one of another program.")
    return DatabaseHealth(version, is_writable=is_writable)


def _may_write(connection: Connection, has_tables: bool) -> bool:
    """Return whether the user may add rows, or tables where there are none; True for servers that cannot be asked."""
    if connection.dialect.name != "postgresql":
        return True
    may = (
        f"has_table_privilege('{_TABLE}', 'UPDATE')"
        if has_tables
        else "has_schema_privilege(current_schema(), 'CREATE')"
    )
    takes = "NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'"
    return bool(connection.scalar(text(f"SELECT {may} AND {takes}")))


def _try_to_write(path: Path) -> tuple[bool, bool]:
    """Begin a transaction for writing and roll it back; return whether that works, and whether others are writing."""
    try:
        readable = ReadableFile(path, writable=True, patience=_BUSY_SECONDS)
        if readable.way != "shared":
            return False, False
        with closing(readable.connect()) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        is_busy = "locked" in str(error)
        return is_busy, is_busy
    return True, False
