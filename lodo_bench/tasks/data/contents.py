"""Reading of single data files, with verification of size and checksum."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import BinaryIO

from lodo_bench.tasks.data.catalog import DataFile
from lodo_bench.tasks.data.location import DataLocation

_GZIP_MAGIC = b"\x1f\x8b"
# A gzip file of a data set is at most this many bytes larger than its content.
GZIP_OVERHEAD = 1 << 16


class InvalidFileError(Exception):
    """A file is truncated, altered or malformed. Internal: the user gets a `UsageError` with a remedy instead."""


class MissingFileError(InvalidFileError):
    """A file does not exist."""


def locate_file(location: DataLocation, file: DataFile) -> Path:
    """Return the path of an existing file.

    Raises:
        MissingFileError: if there is none.
        InvalidFileError: if it is not a regular file, or is not accessible.
    """
    candidates = location.candidates(file)
    try:
        path = next((path for path in candidates if path.exists()), None)
        if path is None:
            raise MissingFileError(f"'{candidates[0]}' is missing")
        if not path.is_file():
            raise InvalidFileError(f"'{path}' is not a regular file")
    except OSError as error:
        raise InvalidFileError(f"'{candidates[0]}' cannot be read: {error.strerror}") from error
    return path


def read_content(path: Path, file: DataFile) -> bytes:
    """Return the uncompressed content of a file, which may be compressed.

    Decompression stops at the expected size, so that a malicious file cannot exhaust the memory.

    Raises:
        InvalidFileError: if the file is unreadable, truncated, too long or altered.
    """
    try:
        with path.open("rb") as handle:
            content = _content(handle, file.size)
    except InvalidFileError as error:
        raise InvalidFileError(f"'{path}' {error}") from error
    except OSError as error:
        raise InvalidFileError(f"'{path}' cannot be read: {error.strerror}") from error
    check_content(content, file, str(path))
    return content


def check_content(content: bytes, file: DataFile, name: str) -> None:
    """Check the size and checksum of a file's uncompressed content; `name` is for messages.

    Raises:
        InvalidFileError: if they differ from the expected ones.
    """
    if len(content) < file.size:
        raise InvalidFileError(
            f"'{name}' is truncated: it has {len(content):,} bytes of content instead of {file.size:,}"
        )
    if len(content) > file.size:
        raise InvalidFileError(f"'{name}' is too long: it has more than {file.size:,} bytes of content")
    algorithm, _, digest = file.checksum.partition(":")
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != digest:
        raise InvalidFileError(f"'{name}' is altered: the {algorithm} of its content is {found} instead of {digest}")


def _content(handle: BinaryIO, size: int) -> bytes:
    compressed = handle.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    length = handle.seek(0, 2)
    handle.seek(0)
    if not compressed:
        return handle.read(size + 1)
    if length > size + GZIP_OVERHEAD:
        raise InvalidFileError(f"is too long: {length:,} bytes compressed, for {size:,} bytes of content")
    try:
        with gzip.GzipFile(fileobj=handle) as stream:
            return stream.read(size + 1)
    except EOFError:
        raise InvalidFileError("is truncated: its gzip data ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidFileError(f"is damaged: it is not a valid gzip file ({error})") from None
