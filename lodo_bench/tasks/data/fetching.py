"""Brings a data set from its mirrors to the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lodo_bench.errors import UsageError
from lodo_bench.tasks.data.archives import unpack
from lodo_bench.tasks.data.catalog import DataSet, Download
from lodo_bench.tasks.data.contents import InvalidFileError, locate, read_content
from lodo_bench.tasks.data.downloads import DownloadFailed, download
from lodo_bench.tasks.data.places import DATA_VARIABLE, STAND_IN, Place, find

# How often all mirrors are tried, those left out that would fail again.
_ROUNDS = 2


class FetchCallback(Protocol):
    """Is told how it goes."""

    def started(self, piece: str, mirror: str) -> None:
        """A download begins or goes on."""

    def progress(self, done: int, total: int | None) -> None:
        """So many bytes of the piece are here; `total` is None if the server does not tell."""

    def failed(self, source: str, reason: str) -> None:
        """Nothing came of a mirror, or of a file that was put there by hand."""

    def ended(self, piece: str, how: str) -> None:
        """Its files are in place and checked."""


def fetch(data_set: DataSet, directory: str | os.PathLike[str] | None, listener: FetchCallback) -> Path:
    """See to it that all files of a data set are in its folder, whole and checked; returns that folder.

    Files that are there and right are left as they are; damaged ones are replaced. Nothing that was cut off passes for
    a whole file, and what had come of an archive is used when it is fetched again.

    Args:
        data_set: what to fetch.
        directory: the data directory; that of `data_directory()` by default.
        listener: is told how it goes.

    Raises:
        UsageError: if a piece could be had from no mirror, or the folder cannot be written to, or holds a stand-in.
    """
    place = find(data_set, directory)
    if place.stand_in:
        raise UsageError(
            f"'{place.folder}' holds a stand-in for {data_set.name}, which is left alone. Remove its '{STAND_IN}', or "
            f"name another directory by --data-dir or {DATA_VARIABLE}."
        )
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        for piece in data_set.downloads:
            if _is_there(place, piece):
                listener.ended(piece.name, "is there already")
            else:
                _obtain(piece, place, listener)
    except OSError as error:
        raise UsageError(
            f"'{place.folder}' cannot take {data_set.name}: {error.strerror or error}. Make room or mend that, or name "
            f"another directory by --data-dir or {DATA_VARIABLE}."
        ) from error
    return place.folder


def _is_there(place: Place, piece: Download) -> bool:
    try:
        for file in piece.files:
            read_content(locate(place, file), file)
    except InvalidFileError:
        return False
    return True


def _obtain(piece: Download, place: Place, listener: FetchCallback) -> None:
    if _unpacked_by_hand(piece, place, listener):
        return
    reasons: dict[str, str] = {}
    mirrors = list(piece.mirrors)
    for _ in range(_ROUNDS):
        for mirror in tuple(mirrors):
            failure, passing = _attempt(mirror, piece, place, listener)
            if failure is None:
                listener.ended(piece.name, "fetched and checked")
                return
            reasons[mirror] = failure
            listener.failed(mirror, failure)
            if not passing:
                mirrors.remove(mirror)
    told = "\n".join(f"  {mirror}: {reason}" for mirror, reason in reasons.items())
    raise UsageError(
        f"{piece.name} could be had from no mirror:\n{told}\nTry again later; what has come is used then. Or get "
        f"{piece.name} in another way, put it into '{place.folder}' and give the same command again."
    )


def _unpacked_by_hand(piece: Download, place: Place, listener: FetchCallback) -> bool:
    """Whether the piece lies in the folder and is as it should be."""
    path = place.folder / piece.name
    if not path.is_file():
        return False
    try:
        unpack(piece, path, place.data_set.archive_folder, place.folder)
    except InvalidFileError as flaw:
        listener.failed(str(path), str(flaw))
        return False
    listener.ended(piece.name, "was there, is unpacked and checked")
    return True


def _attempt(mirror: str, piece: Download, place: Place, listener: FetchCallback) -> tuple[str | None, bool]:
    """Why a mirror failed, None if it did not, and whether another attempt may do better."""
    listener.started(piece.name, mirror)
    with _part(piece, place) as part:
        resumed = part.exists()
        try:
            download(mirror, part, piece, listener.progress)
            unpack(piece, part, place.data_set.archive_folder, place.folder)
        except DownloadFailed as failure:
            return str(failure), failure.passing
        except InvalidFileError as flaw:
            part.unlink(missing_ok=True)
            return str(flaw).replace(f"'{part}'", "what came"), resumed  # what came before may be to blame
        part.unlink()
    return None, True


@contextmanager
def _part(piece: Download, place: Place) -> Iterator[Path]:
    """Where a piece grows. What is left of it stays only if it can be used again."""
    path = place.folder / f".{piece.name}.part"
    try:
        yield path
    finally:
        if piece.checksum is None:
            path.unlink(missing_ok=True)
