"""One download over HTTP, continued if it was begun before."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

import pooch
import requests

from lodo_bench.tasks.data.catalog import Download
from lodo_bench.tasks.data.contents import GZIP_OVERHEAD, InvalidFileError

_CONNECT_SECONDS, _SILENT_SECONDS = 10, 30
_CHUNK = 1 << 16
# What a second attempt may mend: a server that is overloaded, or did not like what was asked to be continued.
_PASSING = {HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all if known


class DownloadFailed(Exception):
    """No download from here; `passing` if another attempt may do better."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing


def download(url: str, part: Path, piece: Download, progress: Progress) -> None:
    """Get `url` into the file `part`, going on with what is in it already if the piece has a checksum.

    Whether the result is what it should be is for the caller to check: a server may send anything.

    Raises:
        DownloadFailed: if the server cannot be reached or does not send all; what came stays in `part`.
        Flaw: if it sends more than the piece can have.
        OSError: if the file cannot be written.
    """
    resumed = piece.checksum is not None and part.exists()
    with part.open("ab" if resumed else "wb") as handle:
        begun = handle.tell()
        if begun and begun == piece.size:
            return
        # Servers must not compress or uncompress on the way: the bytes are what is checked.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
        get = pooch.HTTPDownloader(
            progressbar=_Gauge(handle, piece, progress),
            chunk_size=_CHUNK,
            headers=headers,
            hooks={"response": lambda response, **_: _start_afresh(response, handle)},
            timeout=(_CONNECT_SECONDS, _SILENT_SECONDS),
        )
        try:
            get(url, handle, None)
        except requests.HTTPError as error:
            raise _refusal(error, handle) from error
        except (requests.RequestException, ValueError) as error:
            raise DownloadFailed(_reason(error), passing=not isinstance(error, ValueError)) from error


class _Gauge:
    """What pooch takes for a progress bar; also stops a server that does not stop."""

    total = 0  # set by pooch: the bytes that this response has

    def __init__(self, handle: BinaryIO, piece: Download, progress: Progress) -> None:
        self._handle, self._progress, self._size = handle, progress, piece.size
        self._limit = piece.size or sum(file.size for file in piece.files) + GZIP_OVERHEAD

    def update(self, _: int) -> None:
        done = self._handle.tell()
        if done > self._limit:
            raise InvalidFileError(f"it is longer than the {self._limit:,} bytes that it can have")
        self._progress(done, self._size or self.total or None)

    def reset(self) -> None:
        """Nothing to do at the end."""

    def close(self) -> None:
        """Nothing to do at the end."""


def _start_afresh(response: requests.Response, handle: BinaryIO) -> None:
    """A server that cannot go on in the middle answers with 200 instead of 206, and sends the whole."""
    if response.status_code == HTTPStatus.OK:
        handle.seek(0)
        handle.truncate()


def _refusal(error: requests.HTTPError, handle: BinaryIO) -> DownloadFailed:
    response = error.response
    assert response is not None  # it is the response that this error is about
    status = response.status_code
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        handle.truncate(0)
    passing = status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return DownloadFailed(f"HTTP status {status} {response.reason or ''}".rstrip(), passing=passing)


def _reason(error: BaseException) -> str:
    """What is at the root of an error: the outer ones tell of pools and retries."""
    if isinstance(error, requests.Timeout):
        return f"no answer (after {_CONNECT_SECONDS} s for connecting, {_SILENT_SECONDS} s for data)"
    root: Any = error
    while root.__context__ is not None:
        root = root.__context__
    return str(getattr(root, "strerror", None) or root or type(root).__name__)
