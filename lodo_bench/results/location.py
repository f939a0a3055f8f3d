"""The location of a results database: the path of a file, or a URL."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from sqlalchemy import URL, exc, make_url

from lodo_bench.errors import DatabaseError
from lodo_bench.files.passwords import without_passwords
from lodo_bench.files.paths import LONGEST, empty, too_long, user_path
from lodo_bench.results.postgresql import with_driver
from lodo_bench.spec.text import is_plain

_IN_MEMORY = ":memory:"


def url_of(location: str) -> URL:
    """Return the URL of a database; `~` in the path of a file is the home directory.

    Raises:
        DatabaseError: if it is empty or no URL.
    """
    if not location.strip():
        raise DatabaseError(empty("the location of the database"))
    if "://" not in location:
        return URL.create("sqlite", database=_expanded(location))
    if len(location) > LONGEST:
        raise DatabaseError(too_long("the URL of the database", without_passwords(location)))
    try:
        if not is_plain(location):
            raise ValueError
        url = with_driver(make_url(location))
    except (exc.ArgumentError, ValueError):
        name = without_passwords(location)
        raise DatabaseError(f"'{name}' is not a database URL. Give a file's path, or a URL.") from None
    return url.set(database=_expanded(str(url.database))) if is_sqlite(url) and not is_in_memory(url) else url


def is_sqlite(url: URL) -> bool:
    """Return True for a file, or a database in memory."""
    return url.get_backend_name() == "sqlite"


def is_in_memory(url: URL) -> bool:
    """Return True for an SQLite database that is no file."""
    return is_sqlite(url) and url.database in (None, "", _IN_MEMORY)


def file_of(location: str) -> Path | None:
    """Return the file of a database; None for one on a server or in memory.

    Raises:
        DatabaseError: if the location is empty or no URL.
    """
    return file_of_url(url_of(location))


def file_of_url(url: URL) -> Path | None:
    """Return the file of a database; None for one on a server or in memory."""
    return Path(str(url.database)) if is_sqlite(url) and not is_in_memory(url) else None


def place_of(location: str) -> Hashable:
    """Return where a database is: locations that are written in different ways have the same place.

    Raises:
        DatabaseError: if the location is empty or no URL.
    """
    url = url_of(location)
    file = file_of_url(url)
    if file is None:
        return url.get_backend_name(), url.host, url.port, url.database, *sorted(url.query.items())
    try:
        found = file.stat()
    except OSError:
        return file
    return found.st_dev, found.st_ino


def _expanded(path: str) -> str:
    return path if path == _IN_MEMORY else str(user_path(path, "database", DatabaseError))
