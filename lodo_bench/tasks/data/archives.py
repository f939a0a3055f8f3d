"""Unpacking of downloads: only the expected files, verified, and each written atomically."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from lodo_bench.files.atomic import write_atomically
from lodo_bench.tasks.data.catalog import DataFile, Download
from lodo_bench.tasks.data.contents import InvalidFileError, check_content, read_content

# More members than any archive of a data set has.
_MAX_MEMBERS = 100


def unpack(download: Download, path: Path, archive_folder: str, folder: Path) -> None:
    """Unpack a download into `folder`.

    Args:
        download: expected file.
        path: the downloaded file.
        archive_folder: folder inside the archive that holds the files.
        folder: destination; file names come from the catalog, never from the archive.

    Raises:
        InvalidFileError: if the download or a file in it is invalid; the files before it have been written.
        OSError: if a file cannot be written.
    """
    if download.checksum:
        _check_download(download, path)
    if download.name.endswith(".tar.gz"):
        contents = _members(download, path, archive_folder)
    else:
        contents = ((file, read_content(path, file)) for file in download.files)
    for file, content in contents:
        with write_atomically(folder / file.name) as handle:
            handle.write(content)


def _check_download(download: Download, path: Path) -> None:
    size = path.stat().st_size
    if download.size is not None and size != download.size:
        raise InvalidFileError(f"'{path}' has {size:,} bytes instead of {download.size:,}")
    algorithm, _, digest = (download.checksum or "").partition(":")
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, algorithm).hexdigest()
    if found != digest:
        raise InvalidFileError(f"'{path}' is altered: its {algorithm} is {found} instead of {digest}")


def _members(download: Download, path: Path, archive_folder: str) -> Iterator[tuple[DataFile, bytes]]:
    """Yield the expected files of an archive and their contents, in the archive's order, without extracting to disk."""
    wanted = {f"{archive_folder}/{file.name}": file for file in download.files}
    largest = max(file.size for file in download.files)
    try:
        with tarfile.open(path, "r|gz") as archive:
            for index, member in enumerate(archive):
                if index == _MAX_MEMBERS or member.size > largest:
                    raise InvalidFileError(f"'{path}' is not the expected archive: it contains too much")
                file = wanted.pop(member.name, None)
                if file is not None:
                    yield file, _member_content(archive, member, file)
                if not wanted:
                    return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidFileError(f"'{path}' is damaged: it is not a complete .tar.gz archive ({error})") from error
    raise InvalidFileError(f"'{path}' lacks {', '.join(wanted)}")


def _member_content(archive: tarfile.TarFile, member: tarfile.TarInfo, file: DataFile) -> bytes:
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None:
        raise InvalidFileError(f"'{member.name}' in the archive is not a regular file")
    with stream:
        content = stream.read(file.size + 1)
    check_content(content, file, member.name)
    return content
