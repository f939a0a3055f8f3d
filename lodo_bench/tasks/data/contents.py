"""Reads the files of data sets and checks that they are whole and unaltered."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import BinaryIO

from lodo_bench.tasks.data.catalog import DataFile
from lodo_bench.tasks.data.places import Place

_GZIP_MAGIC = b"\x1f\x8b"
# A gzip file is at most this much longer than what is in it, for all that data sets hold.
GZIP_OVERHEAD = 1 << 16


class InvalidFileError(Exception):
    """What is wrong with a file. Those who show it to the user add what to do."""


class MissingFileError(InvalidFileError):
    """A file is not there."""


def locate(place: Place, file: DataFile) -> Path:
    """The path of a file that is there.

    Raises:
        Missing: if it is not there.
        Flaw: if it is no plain file, or cannot be reached.
    """
    candidates = place.candidates(file)
    try:
        path = next((path for path in candidates if path.exists()), None)
        if path is None:
            raise MissingFileError(f"'{candidates[0]}' is missing")
        if not path.is_file():
            raise InvalidFileError(f"'{path}' is no plain file")
    except OSError as error:
        raise InvalidFileError(f"'{candidates[0]}' cannot be read: {error.strerror}") from error
    return path


def read_content(path: Path, file: DataFile) -> bytes:
    """The raw content of a file, which may be compressed.

    No more than its due size is ever unpacked, whatever the file says.

    Raises:
        Flaw: if it cannot be read, is truncated, too long or altered.
    """
    try:
        with path.open("rb") as handle:
            content = _content(handle, file.size)
    except InvalidFileError as flaw:
        raise InvalidFileError(f"'{path}' {flaw}") from flaw
    except OSError as error:
        raise InvalidFileError(f"'{path}' cannot be read: {error.strerror}") from error
    check_content(content, file, str(path))
    return content


def check_content(content: bytes, file: DataFile, name: str) -> None:
    """Check size and checksum of a file's raw content; `name` is for messages.

    Raises:
        Flaw: if they are not what they must be.
    """
    if len(content) < file.size:
        raise InvalidFileError(
            f"'{name}' is truncated: it has {len(content):,} bytes of content and must have {file.size:,}"
        )
    if len(content) > file.size:
        raise InvalidFileError(
            f"'{name}' is too long: it has more than the {file.size:,} bytes of content that it must have"
        )
    algorithm, _, digest = file.checksum.partition(":")
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != digest:
        raise InvalidFileError(f"'{name}' is altered: the {algorithm} of its content is {found} and must be {digest}")


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
        raise InvalidFileError(f"is damaged: it is no valid gzip file ({error})") from None
