"""Download of a data set from its mirrors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tasks.data.archives import unpack
from lodo_bench.tasks.data.catalog import DataSet, Download
from lodo_bench.tasks.data.contents import InvalidFileError, locate_file, read_content
from lodo_bench.tasks.data.downloads import DownloadError, download_file
from lodo_bench.tasks.data.location import STAND_IN, DataLocation, locate_data_set

# Rounds over the mirrors; permanent failures are not retried.
_ROUNDS = 2


class FetchCallback(Protocol):
    """Callbacks for download progress."""

    def started(self, name: str, mirror: str) -> None:
        """Handle the start or resumption of a download."""

    def progress(self, done: int, total: int | None) -> None:
        """Handle progress: `done` of `total` bytes; None if the total is unknown."""

    def failed(self, source: str, reason: str) -> None:
        """Handle the failure of a mirror, or of a file provided by the user."""

    def finished(self, name: str, outcome: str) -> None:
        """Handle success: the files are in place and verified."""


def fetch(data_set: DataSet, directory: str | os.PathLike[str] | None, callback: FetchCallback) -> Path:
    """Download the missing or damaged files of a data set, verify all, and return its folder.

    Valid files are kept, damaged ones replaced. Interrupted downloads never leave incomplete data files; partial
    archives are resumed by the next call.

    Args:
        data_set: the data set.
        directory: data directory; `data_directory()` by default.
        callback: receives progress.

    Raises:
        UsageError: if all mirrors of a file fail, or the folder is not writable or contains a stand-in.
    """
    location = locate_data_set(data_set, directory)
    if location.stand_in:
        raise UsageError(
            f"'{location.folder}' contains a stand-in for {data_set.name}, which is never overwritten. Remove its "
            f"'{STAND_IN}' to download the real data.",
            remedy=Remedy.CHOOSE_DATA_DIRECTORY,
        )
    try:
        location.folder.mkdir(parents=True, exist_ok=True)
        for download in data_set.downloads:
            if _is_present(location, download):
                callback.finished(download.name, "already present")
            else:
                _download(download, location, callback)
    except OSError as error:
        raise UsageError(
            f"cannot write {data_set.name} to '{location.folder}': {error.strerror or error}. What is downloaded is "
            f"kept: free some space or fix the error, and fetch it again to resume.",
            remedy=Remedy.CHOOSE_DATA_DIRECTORY,
        ) from error
    return location.folder


def _is_present(location: DataLocation, download: Download) -> bool:
    try:
        for file in download.files:
            read_content(locate_file(location, file), file)
    except InvalidFileError:
        return False
    return True


def _download(download: Download, location: DataLocation, callback: FetchCallback) -> None:
    if _unpack_provided(download, location, callback):
        return
    reasons: dict[str, str] = {}
    mirrors = list(download.mirrors)
    for _ in range(_ROUNDS):
        for mirror in tuple(mirrors):
            failure, retryable = _attempt(mirror, download, location, callback)
            if failure is None:
                callback.finished(download.name, "downloaded and verified")
                return
            reasons[mirror] = failure
            callback.failed(mirror, failure)
            if not retryable:
                mirrors.remove(mirror)
    failures = "\n".join(f"  {mirror}: {reason}" for mirror, reason in reasons.items())
    raise UsageError(
        f"{download.name} could not be downloaded from any mirror:\n{failures}\nTry again later; partial downloads are "
        f"reused. Or obtain {download.name} elsewhere, put it into '{location.folder}' and try again."
    )


def _unpack_provided(download: Download, location: DataLocation, callback: FetchCallback) -> bool:
    """Unpack the file if the user has put it into the folder; return True if it is there and valid."""
    path = location.folder / download.name
    if not path.is_file():
        return False
    try:
        unpack(download, path, location.data_set.archive_folder, location.folder)
    except InvalidFileError as error:
        callback.failed(str(path), str(error))
        return False
    callback.finished(download.name, "found, unpacked and verified")
    return True


def _attempt(
    mirror: str, download: Download, location: DataLocation, callback: FetchCallback
) -> tuple[str | None, bool]:
    """Return the reason of a failure, or None, and True if another attempt may succeed."""
    callback.started(download.name, mirror)
    with _part(download, location) as part:
        resumed = part.exists()
        try:
            download_file(mirror, part, download, callback.progress)
            unpack(download, part, location.data_set.archive_folder, location.folder)
        except DownloadError as error:
            return str(error), error.retryable
        except InvalidFileError as error:
            part.unlink(missing_ok=True)
            return str(error).replace(f"'{part}'", "the download"), resumed  # the resumed part may have been invalid
        part.unlink()
    return None, True


@contextmanager
def _part(download: Download, location: DataLocation) -> Iterator[Path]:
    """Yield the path of a partial download, which is kept only if it can be resumed."""
    path = location.folder / f".{download.name}.part"
    try:
        yield path
    finally:
        if download.checksum is None:
            path.unlink(missing_ok=True)
