"""A single download over HTTP, resumed if a part of it exists."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

import pooch
import requests

from lodo_bench.tasks.data.catalog import Download
from lodo_bench.tasks.data.contents import GZIP_OVERHEAD, InvalidFileError

_CONNECT_TIMEOUT, _READ_TIMEOUT = 10, 30
_CHUNK = 1 << 16
# Status codes that may vanish on retry: an overloaded server, or one that refused to resume.
_RETRYABLE = {HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}

Progress = Callable[[int, int | None], None]  # bytes so far, total bytes if known


class DownloadError(Exception):
    """A mirror failed; `retryable` if another attempt may succeed."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.retryable = retryable


def download_file(url: str, part: Path, download: Download, progress: Progress) -> None:
    """Download `url` to the file `part`; resume an existing part if the download has a checksum.

    The caller must verify the result: a server may send anything.

    Raises:
        DownloadError: if the server is unreachable or the transfer is incomplete; `part` keeps the received bytes.
        InvalidFileError: if the server sends more bytes than the file can have.
        OSError: if the file cannot be written.
    """
    resumed = download.checksum is not None and part.exists()
    with part.open("ab" if resumed else "wb") as handle:
        begun = handle.tell()
        if begun and begun == download.size:
            return
        # The checksum is that of the file, so the server must send it as it is.
        responses: list[requests.Response] = []

        def respond(response: requests.Response, **_: object) -> None:
            responses.append(response)
            _truncate_if_not_resumed(response, handle)

        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
        get = pooch.HTTPDownloader(
            progressbar=_DownloadProgress(handle, download, progress),
            chunk_size=_CHUNK,
            headers=headers,
            hooks={"response": respond},
            timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT),
        )
        try:
            get(url, handle, None)
        except requests.HTTPError as error:
            raise _http_error(error, handle) from error
        except (requests.RequestException, ValueError) as error:
            raise DownloadError(_reason(error), retryable=not isinstance(error, ValueError)) from error
        finally:
            for response in responses:  # of which a full disk has left the rest on the way
                response.close()


class _DownloadProgress:
    """Progress bar as pooch expects it; also stops a server that sends too much."""

    total = 0  # set by pooch: bytes of this response

    def __init__(self, handle: BinaryIO, download: Download, progress: Progress) -> None:
        self._handle, self._progress, self._size = handle, progress, download.size
        self._limit = download.size or sum(file.size for file in download.files) + GZIP_OVERHEAD

    def update(self, _: int) -> None:
        done = self._handle.tell()
        if done > self._limit:
            raise InvalidFileError(f"it is longer than {self._limit:,} bytes")
        self._progress(done, self._size or self.total or None)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def _truncate_if_not_resumed(response: requests.Response, handle: BinaryIO) -> None:
    """Start over if the server sends the whole file, with status 200, instead of the requested rest, with 206."""
    if response.status_code == HTTPStatus.OK:
        handle.seek(0)
        handle.truncate()


def _http_error(error: requests.HTTPError, handle: BinaryIO) -> DownloadError:
    response = error.response
    assert response is not None  # always set by raise_for_status
    status = response.status_code
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        handle.truncate(0)
    retryable = status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return DownloadError(f"HTTP status {status} {response.reason or ''}".rstrip(), retryable=retryable)


def _reason(error: BaseException) -> str:
    """Return the message of the root cause: the outer errors are about connection pools and retries."""
    if isinstance(error, requests.Timeout):
        return f"no answer (after {_CONNECT_TIMEOUT} s for connecting, {_READ_TIMEOUT} s for data)"
    root: Any = error
    while root.__context__ is not None:
        root = root.__context__
    return str(getattr(root, "strerror", None) or root or type(root).__name__)
