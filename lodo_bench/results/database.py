"""Opening a results database: one of this program, of the current version, for several processes at once."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, insert, inspect, select, update
from sqlalchemy.orm import Session, sessionmaker

from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.errors import DatabaseError, DatabaseNotFoundError, NotStoredError, Remedy
from lodo_bench.files.passwords import without_passwords
from lodo_bench.results.damage import Damages
from lodo_bench.results.failures import cannot_be_written, failed_write
from lodo_bench.results.location import file_of_url, is_sqlite, url_of
from lodo_bench.results.postgresql import close_with, missing_driver, server_engine, server_error
from lodo_bench.results.readable_file import BUSY_SECONDS, ReadableFile
from lodo_bench.results.schema import OLDEST_VERSION, SCHEMA_VERSION, Base, SchemaRow, forget_compiled


class Database:
    """A connection to a database. One of an older version is upgraded first.

    A file that cannot be written, or has nothing that can be written beside it, can be read nevertheless (see
    `ReadableFile`); where it is of an older version, a temporary copy is upgraded and read.

    Args:
        location: a file's path (SQLite) or any SQLAlchemy URL.
        create: make the database if there is none, and open it for writing; otherwise there must be one.
        on_notice: called with a sentence for the user when the database has been upgraded, and for damaged rows.

    Attributes:
        damages: the damaged rows that were come upon so far.

    Raises:
        DatabaseNotFoundError: if there is no file at `location` and `create` is not set.
        DatabaseError: if the database cannot be opened or upgraded, is not of this program, or is of a newer version.
            It is left as it was.
    """

    def __init__(self, location: str, *, create: bool, on_notice: Callable[[str], None] = lambda _: None) -> None:
        self._url = url_of(location)
        self._name = without_passwords(location)
        self.damages = Damages(self._name, on_notice)
        self._file = file_of_url(self._url)
        self._readable: ReadableFile | None = None  # of a file that is opened for reading, above all
        if self._file is not None:
            self._prepare_file(self._file, create)
        self._open(create, on_notice)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that sees the database as it is at its first query."""
        if self._readable is not None and not self._readable.is_current:
            self.close()
            self._open(False, lambda _: None)
        with self._understandable_errors():
            with no_garbage_collection(), self._readers.begin() as session:
                yield session
            if self._readable is not None:
                self._readable.check_unchanged()
        self.damages.tell()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session that is committed at the end of the block, or rolled back if the block raises."""
        if self._readable is not None and self._readable.way != "shared":
            raise self._not_stored("the file or its folder is read-only")
        with self._understandable_errors(), self._writers.begin() as session:
            yield session
        self.damages.tell()

    @property
    def location(self) -> str:
        """The file or URL, as given, without a password."""
        return self._name

    @property
    def folder(self) -> Path | None:
        """The folder of its further files: next to its file, or in the user's cache directory for one on a server.

        None for a database in memory.
        """
        if not is_sqlite(self._url):
            name = hashlib.sha256(self._url.render_as_string(hide_password=True).encode()).hexdigest()[:16]
            return user_cache_path("lodo-bench") / f"{name}.checkpoints"
        return None if self._file is None else Path(f"{self._file}.checkpoints")

    def close(self) -> None:
        """Close the connections, as also happens as soon as nothing refers to this object any more."""
        self._engine.dispose()

    def _prepare_file(self, file: Path, create: bool) -> None:
        try:
            if create:
                file.parent.mkdir(parents=True, exist_ok=True)
            elif not file.exists():
                raise DatabaseNotFoundError(f"there is no database at '{self._name}'.", remedy=Remedy.FILL_DATABASE)
            if file.exists() and not (file.is_file() or file.is_dir()):
                message = f"'{self._name}' is no regular file, but a pipe or a device."
                raise DatabaseError(message, remedy=Remedy.CHOOSE_DATABASE)
        except OSError as error:
            message = f"database '{self._name}' cannot be {'created' if create else 'read'}: {error.strerror}."
            remedy = Remedy.CHOOSE_WRITABLE_DATABASE if create else Remedy.CHOOSE_DATABASE
            raise DatabaseError(message, remedy=remedy) from None

    def _open(self, create: bool, on_notice: Callable[[str], None]) -> None:
        forget_compiled()
        self._readable = None if create or self._file is None else ReadableFile(self._file, writable=True)
        with self._understandable_errors():
            self._connect()
            try:
                self._prepare(create, on_notice)
            except BaseException:
                self.close()
                raise

    def _connect(self) -> None:
        self._engine = _engine(self._url, self._readable)
        close_with(self, self._engine)
        self._readers = sessionmaker(self._engine, expire_on_commit=False)
        self._writers = sessionmaker(_for_writing(self._engine), expire_on_commit=False)

    def _prepare(self, create: bool, on_notice: Callable[[str], None]) -> None:
        with self._engine.connect() as connection:
            exists = self._exists(connection)
        if not exists and not create:
            raise DatabaseError(f"the database at '{self._name}' is empty.", remedy=Remedy.CHOOSE_DATABASE)
        if not exists:
            self._make()
        with self._engine.connect() as connection:
            version = self._version(connection)
        if version != SCHEMA_VERSION:
            self._upgrade(version, on_notice)
        if create and is_sqlite(self._url):
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
        versions = connection.scalars(select(SchemaRow.version)).all()
        if len(versions) != 1:
            message = f"'{self._name}' is damaged: it has {len(versions)} schema versions instead of one."
            raise DatabaseError(message, remedy=Remedy.CHOOSE_DATABASE)
        (version,) = versions
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

    def _upgrade(self, version: int, on_notice: Callable[[str], None]) -> None:
        """Bring the database to the current version, or, where it is read and cannot be written, a copy of it."""
        try:
            if self._readable is None or self._readable.way == "shared":
                if (former := self._migrate()) != SCHEMA_VERSION:
                    message = f"Upgraded the database '{self._name}' from schema version {former} to {SCHEMA_VERSION}."
                    on_notice(message)
                return
        except exc.DatabaseError as error:
            if self._readable is None or not cannot_be_written(error.orig):
                message = f"'{self._name}' has schema version {version} and cannot be upgraded: {error.orig}."
                raise DatabaseError(message, remedy=Remedy.COPY_DATABASE) from None
        self._readable.become_copy()
        self.close()
        self._connect()
        self._migrate()
        on_notice(
            f"'{self._name}' has schema version {version} and cannot be written: it stays as it is, and a temporary "
            f"copy, upgraded to {SCHEMA_VERSION}, is read."
        )

    def _migrate(self) -> int:
        """Bring the database to the current version in one transaction; return the version that it had by then."""
        from lodo_bench.results.migrations import migrate

        with _for_writing(self._engine).connect() as connection, _foreign_keys_unchecked(connection):
            version = self._version(connection)  # again: another process may have migrated it meanwhile
            if version < SCHEMA_VERSION:
                migrate(connection, version, SCHEMA_VERSION)
                connection.execute(update(SchemaRow).values(version=SCHEMA_VERSION))
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
            if self._readable is not None:
                self._readable.check_unchanged()  # what looks like damage may come of another process's writing
            raise self._explained(error) from None
        except UnicodeDecodeError:  # SQLite's message names what it found, which is no text
            message = f"database '{self._name}' cannot be used: its tables are damaged."
            raise DatabaseError(message, remedy=Remedy.CHOOSE_DATABASE) from None
        except exc.ArgumentError as error:
            raise DatabaseError(
                f"'{self._name}' is not a database URL: {error}. Give a file's path, or a URL."
            ) from None

    def _explained(self, error: exc.DatabaseError) -> DatabaseError:
        """Return the error to raise for one of the database's."""
        reason = "" if self._file is None else failed_write(error.orig, self._file)
        if reason:
            return self._not_stored(reason)
        if (explained := server_error(self._name, error)) is not None:
            return explained
        message = f"database '{self._name}' cannot be used: {' '.join(str(error.orig).split()).rstrip('.')}."
        return DatabaseError(message, remedy=Remedy.CHOOSE_WRITABLE_DATABASE)

    def _not_stored(self, reason: str) -> NotStoredError:
        remedy = Remedy.FREE_SPACE if reason.endswith("is full") else Remedy.CHOOSE_WRITABLE_DATABASE
        return NotStoredError(f"database '{self._name}' cannot be written: {reason}.", remedy=remedy)


def _engine(url: URL, readable: ReadableFile | None) -> Engine:
    try:
        if not is_sqlite(url):
            return server_engine(url)
        if readable is not None:
            engine = create_engine(url, creator=readable.connect)
        else:
            engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    except (ImportError, exc.NoSuchModuleError) as error:
        raise missing_driver(url, error) from None
    except (TypeError, ValueError) as error:  # of the values in its query
        raise DatabaseError(f"'{url.render_as_string()}' is not a database URL: {error}.") from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _for_writing(engine: Engine) -> Engine:
    """Return the engine whose transactions take the database's lock for writing at their start.

    A transaction that reads first and then writes would fail, not wait, if another process had written in between.
    """
    return engine.execution_options(is_writing=True)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # Python's driver is to leave transactions to us: its own leave tables out
    # Bytes that are no UTF-8 would stop a query for all rows: they are read as what no text has, and told there.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get("is_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


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
            broken = _broken_references(connection)
            yield
            if _broken_references(connection) > broken:
                raise AssertionError("the migration has broken a reference")
    finally:
        with suppress(sqlite3.ProgrammingError):  # "closed", as by SQLAlchemy when an interrupt arrives in a statement
            driver.execute("PRAGMA foreign_keys=ON")


def _broken_references(connection: Connection) -> int:
    return len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())


def _let_readers_read(engine: Engine) -> None:
    """Switch on write-ahead logging, which the file remembers: writers do not hold up readers."""
    connection = engine.raw_connection()
    with suppress(sqlite3.OperationalError):  # "locked": another process has just opened it, and does the same
        connection.cursor().execute("PRAGMA journal_mode=WAL")
    connection.close()
