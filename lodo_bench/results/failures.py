"""The meaning of SQLite's errors."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

_CANNOT_WRITE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL)
# On a full disk, or a file system without shared memory, the index of the log cannot be created.
_NO_INDEX = (sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP)
_WRITE_FAILED = (
    *_NO_INDEX,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
)
# With less than this, a disk counts as full.
_LITTLE_BYTES = 1 << 16


def cannot_be_written(error: BaseException | None) -> bool:
    """Return True if SQLite cannot write to the file, or cannot create one beside it."""
    code = _code(error)
    return code & 0xFF in _CANNOT_WRITE or code in _NO_INDEX


def failed_write(error: BaseException | None, file: Path) -> str:
    """Return why SQLite could not write to `file`, e.g. `the disk of '/results' is full`; empty for other errors."""
    code, folder = _code(error), file.resolve().parent
    if code & 0xFF == sqlite3.SQLITE_FULL or (code in _WRITE_FAILED and _is_full(folder)):
        return f"the disk of '{folder}' is full"
    if code in _WRITE_FAILED:
        return str(error)
    if code & 0xFF == sqlite3.SQLITE_READONLY:
        return "the file or its folder is read-only"
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN and folder.is_dir() and not os.access(folder, os.W_OK):
        return f"the folder '{folder}' is read-only"
    return ""


def _code(error: BaseException | None) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0 if isinstance(error, sqlite3.Error) else 0


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LITTLE_BYTES
    except OSError:
        return False
