"""Opening a results database: ours, of this version, and ready to be written by several processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, exc, insert, inspect, make_url, select
from sqlalchemy.orm import Session, sessionmaker

from lodo_bench.errors import DatabaseError
from lodo_bench.results.schema import SCHEMA_VERSION, Base, SchemaRow

_BUSY_SECONDS = 60


class Database:
    """A connection to a database at `location`, a file's path (SQLite) or any SQLAlchemy URL.

    Args:
        location: where.
        create: make the database if there is none; otherwise that is an error.

    Raises:
        DatabaseError: if it cannot be opened, is not ours, or is of another version. It is left as it was.
    """

    def __init__(self, location: str, *, create: bool) -> None:
        self.location = location
        self._engine = _engine(self._url(location, create))
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        with self._understandable_errors():
            self._check(create)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that is committed at the end of the block, or rolled back if it raises."""
        with self._understandable_errors(), self._sessions.begin() as session:
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _url(self, location: str, create: bool) -> URL:
        if "://" in location:
            try:
                return make_url(location)
            except exc.ArgumentError:
                raise DatabaseError(f"'{location}' is no database URL. Give a file's path, or a URL.") from None
        path = Path(location)
        if not create and not path.exists():
            raise DatabaseError(
                f"there is no database at '{location}' yet. Fill one with 'lodo-bench tune' or 'lodo-bench run', or "
                f"name another with --db or LODO_BENCH_DB."
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"database '{location}' cannot be made: {error.strerror}. {_REMEDY}") from None
        return URL.create("sqlite", database=str(path))

    def _check(self, create: bool) -> None:
        tables = set(inspect(self._engine).get_table_names())
        if SchemaRow.__tablename__ not in tables:
            if tables:
                raise DatabaseError(f"'{self.location}' is a database of something else; it is left alone. {_REMEDY}")
            if not create:
                raise DatabaseError(f"the database at '{self.location}' is empty. {_REMEDY}")
            self._make()
        with self._sessions() as session:
            version = session.scalar(select(SchemaRow.version))
        if version != SCHEMA_VERSION:
            raise DatabaseError(
                f"'{self.location}' has schema version {version}, and this lodo-bench reads {SCHEMA_VERSION}. Use the "
                f"version of lodo-bench that wrote it, or another database with --db."
            )

    def _make(self) -> None:
        # One transaction: a database that another process opens meanwhile has all of its tables or none.
        with self._engine.begin() as connection:
            Base.metadata.create_all(connection)
            connection.execute(insert(SchemaRow).values(version=SCHEMA_VERSION))

    @contextmanager
    def _understandable_errors(self) -> Iterator[None]:
        try:
            yield
        except exc.IntegrityError:
            raise DatabaseError(
                f"another process is writing the same study or run set to '{self.location}'. Let it finish, or give "
                f"this one another database with --db. What both had stored is kept."
            ) from None
        except exc.DatabaseError as error:
            raise DatabaseError(f"database '{self.location}' cannot be used: {error.orig}. {_REMEDY}") from None


_REMEDY = "Name a database that can be written with --db or LODO_BENCH_DB."


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, **({"connect_args": {"timeout": _BUSY_SECONDS}} if _is_sqlite(url) else {}))
    except (ModuleNotFoundError, exc.NoSuchModuleError) as error:
        raise DatabaseError(f"no driver for the database '{url.drivername}': {error}. Install it with pip.") from None
    if _is_sqlite(url):
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Let readers read while somebody writes, and check foreign keys."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
