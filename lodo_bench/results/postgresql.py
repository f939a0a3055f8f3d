"""Databases on a server: how they are reached, how transactions begin, and what errors mean. PostgreSQL, above all."""

from __future__ import annotations

import os
import sqlite3
import weakref
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from lodo_bench.errors import DatabaseError, Remedy

DRIVER = "postgresql+psycopg"
EXTRA = "pip install 'lodo-bench[postgres]'"
_BUSY_SECONDS = 60
# The names of PostgreSQL in URLs that leave the driver open.
_WITHOUT_DRIVER = ("postgresql", "postgres")
# Writers take turns, as with SQLite: this lock, of each database its own, is held until the transaction ends.
_LOCK = 0x6C6F646F
# Settings of the connection that a URL may replace. A machine that is gone is noticed within minutes, not hours.
_SETTINGS = {
    "application_name": "lodo-bench",
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
}
_ENCODINGS = ("UTF8", "SQL_ASCII")  # the latter stores the bytes as they are sent
_LOCK_TIMEOUT, _DISK_FULL, _READ_ONLY, _FORBIDDEN = "55P03", "53100", "25006", "42501"


def with_driver(url: URL) -> URL:
    """Return the URL with the driver of the extra `postgres`, if it is one of PostgreSQL that names none.

    Raises:
        DatabaseError: if it has an @ too many, whose rest would be taken, and shown, as the host.
    """
    if url.host is not None and "@" in url.host:
        raise DatabaseError("the URL of the database has more than one @. Write %40 for one in the user or password.")
    return url.set(drivername=DRIVER) if url.drivername in _WITHOUT_DRIVER else url


def server_engine(url: URL) -> Engine:
    """Return the engine of a database on a server. A connection that was lost since its last use is made again.

    Raises:
        DatabaseError: when it connects, if the database cannot store every character.
        ImportError, sqlalchemy.exc.NoSuchModuleError: if there is no driver.
    """
    if url.get_backend_name() != "postgresql":
        return create_engine(url, pool_pre_ping=True)
    arguments: dict[str, Any] = {}
    if url.drivername == DRIVER:
        arguments = {name: value for name, value in _SETTINGS.items() if name not in url.query}
        # Proxies that hand a connection to another client after each transaction lose prepared statements.
        arguments["prepare_threshold"] = None
    engine = create_engine(url, pool_pre_ping=True, connect_args=arguments)
    event.listen(engine, "begin", _begin)
    if url.drivername == DRIVER:
        event.listen(engine, "connect", _check_encoding)
    return engine


def close_with(owner: object, engine: Engine) -> None:
    """Close the connections of an engine when `owner` is forgotten, as a driver warns of those that nobody closed."""
    weakref.finalize(owner, _close, engine, os.getpid())


def _close(engine: Engine, process: int) -> None:
    # A forked process has copies of its parent's connections: to close them would end those of the parent.
    engine.dispose(close=os.getpid() == process)


def missing_driver(url: URL, error: Exception) -> DatabaseError:
    """Return the error for a database whose driver cannot be imported."""
    install = f"Install it: {EXTRA}" if url.get_backend_name() == "postgresql" else "Install it with pip"
    return DatabaseError(f"no driver for the database '{url.drivername}': {_line(error)}. {install}.")


def server_error(name: str, error: exc.DBAPIError) -> DatabaseError | None:
    """Return the error to raise for one of the server of the database `name`; None for any other."""
    if isinstance(error.orig, sqlite3.Error):
        return None
    reason = {
        _LOCK_TIMEOUT: f"another process has been writing to it for {_BUSY_SECONDS} s. Let it finish, then rerun",
        _DISK_FULL: f"the disk of the server is full ({_line(error.orig)}). Everything stored so far is kept",
        _READ_ONLY: "the server takes no changes, as a copy of another one, or by its settings",
        _FORBIDDEN: f"the user may not ({_line(error.orig)})",
    }.get(getattr(error.orig, "sqlstate", None) or "")
    if reason is not None:
        return DatabaseError(f"database '{name}' cannot be written: {reason}.", remedy=Remedy.CHOOSE_WRITABLE_DATABASE)
    # Connecting and committing are no statements.
    if error.connection_invalidated or (isinstance(error, exc.OperationalError) and error.statement is None):
        return DatabaseError(
            f"the connection to the database '{name}' failed: {_line(error.orig)}. Everything stored so far is kept. "
            f"Rerun to resume, once the server can be reached."
        )
    return None


def _line(error: BaseException | None) -> str:
    """Return a message of a driver, which has several lines, as one, without its period."""
    return " ".join(str(error).split()).rstrip(".")


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("is_writing"):
        # Whoever waits for the lock then sees what its former holder has written, whatever the server's default is.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        wait = f"set_config('lock_timeout', '{_BUSY_SECONDS}s', true)"
        connection.exec_driver_sql(f"SELECT {wait}, pg_advisory_xact_lock({_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _check_encoding(connection: Any, _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in _ENCODINGS:
        raise DatabaseError(
            f"the database '{connection.info.dbname}' has the encoding {encoding}, which has not all characters. Make "
            f"one with 'createdb --encoding UTF8 --template template0'."
        )
