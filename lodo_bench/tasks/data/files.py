"""Data files of the user's own, named by options of tasks."""

from __future__ import annotations

import errno
import hashlib
import os
import stat

from lodo_bench.compute.memory import check_fits
from lodo_bench.errors import UsageError
from lodo_bench.files.paths import user_path

_BYTES_EACH = 10  # of memory, for each byte of a file: as text, in lines, and as numbers


def read_bytes(path: str) -> bytes:
    """Return the content of a file; `~` is the home directory.

    Raises:
        UsageError: if it cannot be read.
    """
    try:
        file = user_path(path, "data file")
        status = file.stat()
        if stat.S_ISREG(status.st_mode):
            check_fits(f"'{path}'", _BYTES_EACH * status.st_size, "cpu")
            return file.read_bytes()
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        # It may have no end, and is read again by each process.
        raise UsageError(f"'{path}' is no regular file, but a pipe or a device. Give the path of a data file.")
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
