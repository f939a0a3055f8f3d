"""Takes fetched pieces apart: only the files that are wanted, checked, and each put in place whole or not at all."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from lodo_bench.files.atomic import write_atomically
from lodo_bench.tasks.data.catalog import DataFile, Download
from lodo_bench.tasks.data.contents import InvalidFileError, check_content, read_content

# An archive of a few files has no need of more members than this.
_MOST_MEMBERS = 100


def unpack(piece: Download, path: Path, archive_folder: str, folder: Path) -> None:
    """Put the files in a fetched piece, raw, into `folder`.

    Args:
        piece: what it must be.
        path: where it is.
        archive_folder: the folder that an archive must have the files in.
        folder: where the files go, by their own names: no name that an archive gives is ever a path.

    Raises:
        Flaw: if the piece or a file in it is not what it must be. Files that were, are in place.
        OSError: if the files cannot be written.
    """
    if piece.checksum:
        _check_piece(piece, path)
    if piece.name.endswith(".tar.gz"):
        contents = _members(piece, path, archive_folder)
    else:
        contents = ((file, read_content(path, file)) for file in piece.files)
    for file, content in contents:
        with write_atomically(folder / file.name) as handle:
            handle.write(content)


def _check_piece(piece: Download, path: Path) -> None:
    size = path.stat().st_size
    if piece.size is not None and size != piece.size:
        raise InvalidFileError(f"'{path}' has {size:,} bytes and must have {piece.size:,}")
    algorithm, _, digest = (piece.checksum or "").partition(":")
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, algorithm).hexdigest()
    if found != digest:
        raise InvalidFileError(f"'{path}' is altered: its {algorithm} is {found} and must be {digest}")


def _members(piece: Download, path: Path, archive_folder: str) -> Iterator[tuple[DataFile, bytes]]:
    """The wanted files of an archive with their contents, in its order. Nothing is extracted to the disk from here."""
    wanted = {f"{archive_folder}/{file.name}": file for file in piece.files}
    largest = max(file.size for file in piece.files)
    try:
        with tarfile.open(path, "r|gz") as archive:
            for index, member in enumerate(archive):
                if index == _MOST_MEMBERS or member.size > largest:
                    raise InvalidFileError(f"'{path}' is not what it should be: it holds too much")
                file = wanted.pop(member.name, None)
                if file is not None:
                    yield file, _member_content(archive, member, file)
                if not wanted:
                    return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidFileError(f"'{path}' is damaged: it is no whole .tar.gz archive ({error})") from error
    raise InvalidFileError(f"'{path}' lacks {', '.join(wanted)}")


def _member_content(archive: tarfile.TarFile, member: tarfile.TarInfo, file: DataFile) -> bytes:
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None:
        raise InvalidFileError(f"'{member.name}' in the archive is no plain file")
    with stream:
        content = stream.read(file.size + 1)
    check_content(content, file, member.name)
    return content
