"""Data files of the user's own, named by options of tasks."""

from __future__ import annotations

import hashlib

from lodo_bench.errors import UsageError
from lodo_bench.files.paths import user_path


def read_bytes(path: str) -> bytes:
    """Return the content of a file; `~` is the home directory.

    Raises:
        UsageError: if it cannot be read.
    """
    try:
        return user_path(path, "data file").read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}. Give the path of a data file.") from None


def read_text(path: str) -> str:
    """Return the content of a file in UTF-8.

    Raises:
        UsageError: if it cannot be read.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not text in UTF-8 (byte {error.start:,}). Convert it.") from None


def digest(path: str) -> str:
    """Return `sha256:` and the first 16 hexadecimal digits of a file's digest; empty if `path` is.

    Raises:
        UsageError: if it cannot be read.
    """
    return f"sha256:{hashlib.sha256(read_bytes(path)).hexdigest()[:16]}" if path else ""
