"""Opening a results database: one of this program, of the current version, for several processes at once."""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, insert, inspect, make_url, select, update
from sqlalchemy.orm import Session, sessionmaker

from lodo_bench.errors import DatabaseError, DatabaseNotFoundError, Remedy
from lodo_bench.results.schema import OLDEST_VERSION, SCHEMA_VERSION, Base, SchemaRow

_BUSY_SECONDS = 60


class Database:
    """A connection to a database. One of an older version is upgraded first.

    Args:
        location: a file's path (SQLite) or any SQLAlchemy URL.
        create: make the database if there is none; otherwise that is an error.
        on_notice: called with a sentence for the user when the database has been upgraded.

    Raises:
        DatabaseNotFoundError: if there is no file at `location` and `create` is not set.
        DatabaseError: if the database cannot be opened or upgraded, is not of this program, or is of a newer version.
            It is left as it was.
    """

    def __init__(self, location: str, *, create: bool, on_notice: Callable[[str], None] = lambda _: None) -> None:
        url = _url(location)
        self._name = url.render_as_string(hide_password=True) if "://" in location else location
        if _is_sqlite(url):
            self._prepare_file(url, create)
        with self._understandable_errors():
            self._engine = _engine(url)
            weakref.finalize(self, self._engine.dispose)
            try:
                self._prepare(create, on_notice)
            except BaseException:
                self.close()
                raise
        self._readers = sessionmaker(self._engine, expire_on_commit=False)
        self._writers = sessionmaker(_for_writing(self._engine), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that sees the database as it is at its first query."""
        with self._understandable_errors(), self._readers.begin() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session that is committed at the end of the block, or rolled back if the block raises."""
        with self._understandable_errors(), self._writers.begin() as session:
            yield session

    @property
    def location(self) -> str:
        """The file or URL, as given, without a password."""
        return self._name

    @property
    def folder(self) -> Path | None:
        """The folder of its further files: next to its file, or in the user's cache directory for one on a server.

        None for a database in memory.
        """
        url = self._engine.url
        if not _is_sqlite(url):
            name = hashlib.sha256(url.render_as_string(hide_password=True).encode()).hexdigest()[:16]
            return user_cache_path("lodo-bench") / f"{name}.checkpoints"
        return None if _is_in_memory(url) else Path(f"{url.database}.checkpoints")

    def close(self) -> None:
        """Close the connections, as also happens as soon as nothing refers to this object any more."""
        self._engine.dispose()

    def _prepare_file(self, url: URL, create: bool) -> None:
        if _is_in_memory(url):
            return
        path = Path(str(url.database))
        if not create and not path.exists():
            raise DatabaseNotFoundError(f"there is no database at '{self._name}'.", remedy=Remedy.FILL_DATABASE)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"database '{self._name}' cannot be created: {error.strerror}."
            raise DatabaseError(message, remedy=Remedy.CHOOSE_WRITABLE_DATABASE) from None

    def _prepare(self, create: bool, on_notice: Callable[[str], None]) -> None:
        with self._engine.connect() as connection:
            exists = self._exists(connection)
        if not exists and not create:
            raise DatabaseError(f"the database at '{self._name}' is empty.", remedy=Remedy.CHOOSE_DATABASE)
        if not exists:
            self._make()
        with self._engine.connect() as connection:
            version = self._version(connection)
        if version != SCHEMA_VERSION and (former := self._migrate(version)) != SCHEMA_VERSION:
            on_notice(f"Upgraded the database '{self._name}' from schema version {former} to {SCHEMA_VERSION}.")
        if create and _is_sqlite(self._engine.url):
            _let_readers_read(self._engine)

    def _exists(self, connection: Connection) -> bool:
        tables = inspect(connection).get_table_names()
        if tables and SchemaRow.__tablename__ not in tables:
            message = f"'{self._name}' is a database of another program; it is left unchanged."
            raise DatabaseError(message, remedy=Remedy.CHOOSE_DATABASE)
        return bool(tables)

    def _make(self) -> None:
        # One transaction: another process that does the same at this moment finds all of the tables, or none.
        with _for_writing(self._engine).begin() as connection:
            if self._exists(connection):
                return
            Base.metadata.create_all(connection)
            connection.execute(insert(SchemaRow).values(version=SCHEMA_VERSION))

    def _version(self, connection: Connection) -> int:
        version = connection.scalars(select(SchemaRow.version).with_for_update()).one()
        if version > SCHEMA_VERSION:
            message = (
                f"'{self._name}' was written by a newer lodo-bench: its schema version is {version}, and this one "
                f"reads up to {SCHEMA_VERSION}."
            )
            raise DatabaseError(message, remedy=Remedy.UPGRADE_PROGRAM)
        if version < OLDEST_VERSION:
            message = (
                f"'{self._name}' has schema version {version}, and this lodo-bench reads {OLDEST_VERSION} to "
                f"{SCHEMA_VERSION}."
            )
            raise DatabaseError(message, remedy=Remedy.USE_FORMER_PROGRAM)
        return version

    def _migrate(self, version: int) -> int:
        """Bring the database to the current version in one transaction; return the version that it had by then."""
        from lodo_bench.results.migrations import migrate

        try:
            with _for_writing(self._engine).connect() as connection, _foreign_keys_unchecked(connection):
                version = self._version(connection)  # again: another process may have migrated it meanwhile
                if version < SCHEMA_VERSION:
                    migrate(connection, version, SCHEMA_VERSION)
                    connection.execute(update(SchemaRow).values(version=SCHEMA_VERSION))
        except exc.OperationalError as error:
            message = f"'{self._name}' has schema version {version} and cannot be upgraded: {error.orig}."
            raise DatabaseError(message, remedy=Remedy.COPY_DATABASE) from None
        return version

    @contextmanager
    def _understandable_errors(self) -> Iterator[None]:
        try:
            yield
        except exc.IntegrityError:
            raise DatabaseError(
                f"another process is writing the same study or run set to '{self._name}'. Everything stored so "
                f"far is kept. Let the other process finish, then rerun.",
                remedy=Remedy.CHOOSE_DATABASE,
            ) from None
        except exc.DatabaseError as error:
            message = f"database '{self._name}' cannot be used: {error.orig}."
            raise DatabaseError(message, remedy=Remedy.CHOOSE_WRITABLE_DATABASE) from None
        except exc.ArgumentError as error:
            raise DatabaseError(
                f"'{self._name}' is not a database URL: {error}. Give a file's path, or a URL."
            ) from None


def _url(location: str) -> URL:
    if "://" not in location:
        return URL.create("sqlite", database=location)
    try:
        return make_url(location)
    except (exc.ArgumentError, ValueError):
        raise DatabaseError(f"'{location}' is not a database URL. Give a file's path, or a URL.") from None


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _is_in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


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
    """Return the engine whose transactions take SQLite's lock for writing at their start.

    A transaction that reads first and then writes would fail, not wait, if another process had written in between.
    """
    return engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # Python's driver is to leave transactions to us: its own leave tables out
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


@contextmanager
def _foreign_keys_unchecked(connection: Connection) -> Iterator[None]:
    """Run a block as one transaction in which SQLite's tables can be rebuilt, as it cannot alter them in place.

    Dropping a table deletes its rows, which others refer to; so the references are checked at the end instead.
    """
    if connection.dialect.name != "sqlite":
        with connection.begin():
            yield
        return
    driver = connection.connection.cursor()  # outside of a transaction, where alone the setting can be changed
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            yield
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise AssertionError("the migration has broken a reference")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _let_readers_read(engine: Engine) -> None:
    """Switch on write-ahead logging, which the file remembers: writers do not hold up readers."""
    connection = engine.raw_connection()
    with suppress(sqlite3.OperationalError):  # "locked": another process has just opened it, and does the same
        connection.cursor().execute("PRAGMA journal_mode=WAL")
    connection.close()
