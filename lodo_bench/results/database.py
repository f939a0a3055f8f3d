"""Opening a results database: ours, of this version, and ready to be written by several processes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, insert, inspect, make_url, select
from sqlalchemy.orm import Session, sessionmaker

from lodo_bench.errors import DatabaseError, DatabaseNotFoundError, Remedy
from lodo_bench.results.schema import SCHEMA_VERSION, Base, SchemaRow

_BUSY_SECONDS = 60
_REMEDY = "Name a database that can be written with --db or LODO_BENCH_DB."


class Database:
    """A connection to a database at `location`, a file's path (SQLite) or any SQLAlchemy URL.

    Args:
        location: where.
        create: make the database if there is none; otherwise that is an error.

    Raises:
        DatabaseError: if it cannot be opened, is not ours, or is of another version. It is left as it was.
    """

    def __init__(self, location: str, *, create: bool) -> None:
        url = _url(location)
        self._name = url.render_as_string(hide_password=True) if "://" in location else location
        if _is_sqlite(url):
            self._prepare_file(url, create)
        with self._understandable_errors():
            self._engine = _engine(url)
            try:
                self._check(create)
            except BaseException:
                self.close()
                raise
        self._readers = sessionmaker(self._engine, expire_on_commit=False)
        self._writers = sessionmaker(_for_writing(self._engine), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees the database as it is at its first query."""
        with self._understandable_errors(), self._readers.begin() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end of the block, or rolled back if it raises."""
        with self._understandable_errors(), self._writers.begin() as session:
            yield session

    @property
    def folder(self) -> Path | None:
        """Where files that belong to it may lie: beside its file; of one on a server, in the user's cache directory.

        None for a database that is in memory only.
        """
        url = self._engine.url
        if not _is_sqlite(url):
            name = hashlib.sha256(url.render_as_string(hide_password=True).encode()).hexdigest()[:16]
            return user_cache_path("lodo-bench") / f"{name}.checkpoints"
        if url.database in (None, "", ":memory:"):
            return None
        return Path(f"{url.database}.checkpoints")

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _prepare_file(self, url: URL, create: bool) -> None:
        if url.database in (None, "", ":memory:"):
            return
        path = Path(str(url.database))
        if not create and not path.exists():
            raise DatabaseNotFoundError(f"there is no database at '{self._name}' yet.", remedy=Remedy.FILL_DATABASE)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"database '{self._name}' cannot be made: {error.strerror}. {_REMEDY}") from None

    def _check(self, create: bool) -> None:
        with self._engine.connect() as connection:
            made = self._is_made(connection)
        if not made and not create:
            raise DatabaseError(f"the database at '{self._name}' is empty. {_REMEDY}")
        if not made:
            self._make()
        with self._engine.connect() as connection:
            version = connection.scalar(select(SchemaRow.version))
        if version != SCHEMA_VERSION:
            raise DatabaseError(
                f"'{self._name}' has schema version {version}, and this lodo-bench reads {SCHEMA_VERSION}. Use the "
                f"version of lodo-bench that wrote it, or another database with --db."
            )
        if create and _is_sqlite(self._engine.url):
            _let_readers_read(self._engine)

    def _is_made(self, connection: Connection) -> bool:
        tables = inspect(connection).get_table_names()
        if tables and SchemaRow.__tablename__ not in tables:
            raise DatabaseError(f"'{self._name}' is a database of something else; it is left alone. {_REMEDY}")
        return bool(tables)

    def _make(self) -> None:
        # One transaction: another process that does the same at this moment finds all of the tables, or none.
        with _for_writing(self._engine).begin() as connection:
            if self._is_made(connection):
                return
            Base.metadata.create_all(connection)
            connection.execute(insert(SchemaRow).values(version=SCHEMA_VERSION))

    @contextmanager
    def _understandable_errors(self) -> Iterator[None]:
        try:
            yield
        except exc.IntegrityError:
            raise DatabaseError(
                f"another process is writing the same study or run set to '{self._name}'. Let it finish, or give "
                f"this one another database with --db. What both had stored is kept."
            ) from None
        except exc.DatabaseError as error:
            raise DatabaseError(f"database '{self._name}' cannot be used: {error.orig}. {_REMEDY}") from None
        except exc.ArgumentError as error:
            raise DatabaseError(f"'{self._name}' is no database URL: {error}. Give a file's path, or a URL.") from None


def _url(location: str) -> URL:
    if "://" not in location:
        return URL.create("sqlite", database=location)
    try:
        return make_url(location)
    except (exc.ArgumentError, ValueError):
        raise DatabaseError(f"'{location}' is no database URL. Give a file's path, or a URL.") from None


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine(url: URL) -> Engine:
    try:
        if not _is_sqlite(url):
            return create_engine(url)
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    except (ModuleNotFoundError, exc.NoSuchModuleError) as error:
        raise DatabaseError(f"no driver for the database '{url.drivername}': {error}. Install it with pip.") from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _for_writing(engine: Engine) -> Engine:
    """The same engine, whose transactions take SQLite's lock for writing at their start.

    A transaction that reads first and then writes would fail, not wait, if another process had written in between.
    """
    return engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python's driver is to leave transactions to us: its own leave tables out
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def _let_readers_read(engine: Engine) -> None:
    """Write-ahead logging, which the file remembers: readers are not held up by who writes."""
    connection = engine.raw_connection()
    with suppress(sqlite3.OperationalError):  # "locked": another process has just opened it, and does the same
        connection.cursor().execute("PRAGMA journal_mode=WAL")
    connection.close()
