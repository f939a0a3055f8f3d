"""The database, and the folders that are written to."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lodo_bench.doctor.finding import Finding, first_line
from lodo_bench.errors import DatabaseError

_MIB, _GIB = 2**20, 2**30
_LITTLE_BYTES, _TOO_FEW_BYTES = 2 * _GIB, 100 * _MIB
_OTHER_DATABASE = "export LODO_BENCH_DB=results/other.db"


def check_database(location: str) -> Iterator[Finding]:
    """Check that the database can be read and written, is whole and of a known version, and has space to grow.

    Args:
        location: a file's path or any SQLAlchemy URL.
    """
    from lodo_bench.results.health import DatabaseHealth, examine_file, examine_server
    from lodo_bench.results.location import file_of
    from lodo_bench.results.postgresql import EXTRA
    from lodo_bench.results.schema import SCHEMA_VERSION

    def judged(health: DatabaseHealth, name: str) -> Iterator[Finding]:
        if health.is_unknown:
            text = f"{name} has schema version {health.version}, and this lodo-bench has {SCHEMA_VERSION}"
            yield Finding(text, "problem", "pip install -U lodo-bench")
        elif health.is_older:
            text = (
                f"{name} has schema version {health.version}; it is upgraded to {SCHEMA_VERSION} when it is next used"
            )
            yield Finding(text)
        else:
            version = "no tables yet" if health.version is None else f"schema version {health.version}"
            yield Finding(f"{name} can be read: {version}")
        if health.is_busy:
            yield Finding("another process is writing to it at the moment")

    path = None
    try:
        path = file_of(location)
        if path is None:
            health = examine_server(location)
            yield from judged(health, "the database on the server")
            if not health.is_writable:
                text = "the database on the server can be read only: this user may not write, or the server does not"
                yield Finding(text, "warning", "psql --command 'GRANT ALL ON ALL TABLES IN SCHEMA public TO public'")
            return
        if not path.exists():
            yield _absent(path)
        elif not path.is_file():
            yield Finding(f"'{path}' is not a file", "problem", _OTHER_DATABASE)
            return
        else:
            health = examine_file(path)
            yield from judged(health, f"{path} ({path.stat().st_size / _MIB:.1f} MiB)")
            if health.damage:
                yield Finding(f"{path} is damaged: {health.damage}", "problem", _recover(path))
            if not health.is_writable:
                yield Finding(f"{path} cannot be written", "problem", f"chmod u+w {shlex.quote(str(path))}")
        yield _space(path)
    except DatabaseError as error:
        remedy = _OTHER_DATABASE if path is None or "another program" in error.message else _recover(path)
        remedy = EXTRA if EXTRA in error.message else remedy
        yield Finding(error.message.rstrip("."), "problem", remedy)


def _absent(path: Path) -> Finding:
    folder = _existing(path.parent)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding(f"there is no database at {path} yet; tune and run create it")
    return Finding(f"there is no database at {path}, and none can be created there", "problem", _OTHER_DATABASE)


def _recover(path: Path) -> str:
    name = shlex.quote(str(path))
    return f"sqlite3 {name} .recover | sqlite3 recovered.db, or restore a copy; {_OTHER_DATABASE} starts a new one"


def _space(path: Path) -> Finding:
    folder = _existing(path.parent)
    free = shutil.disk_usage(folder).free
    text = f"{free / _GIB:.1f} GiB are free on the disk of {folder.resolve()}"
    if free >= _LITTLE_BYTES:
        return Finding(text)
    return Finding(
        text, "problem" if free < _TOO_FEW_BYTES else "warning", f"Free some space: du -sh {folder.resolve()}/*"
    )


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def check_folders() -> Iterator[Finding]:
    """Check the folders for temporary files and caches."""
    yield _temporary()
    yield from _home()


def _temporary() -> Finding:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return Finding(f"no temporary file can be written: {first_line(error)}", "problem", "export TMPDIR=/tmp")
    folder = tempfile.gettempdir()
    wanted = os.environ.get("TMPDIR")
    if wanted and os.path.realpath(wanted) != os.path.realpath(folder):
        return Finding(f"TMPDIR={wanted} cannot be written, and {folder} is used instead", "warning", "unset TMPDIR")
    return Finding(f"temporary files are written to {folder}")


def _home() -> Iterator[Finding]:
    from platformdirs import user_cache_path

    remedy = "export XDG_CACHE_HOME=/tmp/cache"
    for name, find in (("home directory", Path.home), ("cache directory", lambda: user_cache_path("lodo-bench"))):
        try:
            folder = find()
        except (RuntimeError, OSError, KeyError) as error:
            yield Finding(f"there is no {name}: {first_line(error)}", "warning", remedy)
            continue
        place = folder if name == "home directory" else _existing(folder)
        if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
            yield Finding(f"the {name} is {folder}")
        else:
            text = f"the {name} {folder} is no folder that can be written, so that nothing is cached there"
            yield Finding(text, "warning", f"export HOME=/tmp; {remedy}" if name == "home directory" else remedy)
