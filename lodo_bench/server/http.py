"""The web server: one page and its version, for reading only."""

from __future__ import annotations

import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from lodo_bench.errors import LodoBenchError, UsageError
from lodo_bench.server.page_cache import PageCache

_TEXT, _HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_LONGEST_REQUEST_SECONDS = 10.0


class PageServer(ThreadingHTTPServer):
    """A server of one page at `/` and of its version at `/version`.

    Requests must name this machine: by an address, as `localhost`, or as the host that the server was started with.
    So no web site can read the page through a name of its own that it lets point to this machine (DNS rebinding).

    Args:
        host: name or address to listen at, e.g. `127.0.0.1` for requests from this machine only.
        port: 0 to 65535; 0 for any that is free.
        cache: the page.

    Raises:
        UsageError: if the port is in use or not permitted, or there is no such host.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, cache: PageCache) -> None:
        self.cache, self._host = cache, host
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"cannot serve at {host}, port {port}: {reason}. Choose another port, or 0 for any that is free."
            ) from None

    @property
    def address(self) -> str:
        """The URL of the page."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.server_address[1]}/"

    def is_own_name(self, host: str) -> bool:
        """Return true for a value of the header `Host` that names this machine."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
            urlsplit(f"//{host}").port  # noqa: B018  # raises ValueError for one that is no number
        except ValueError:
            return False
        if name in ("localhost", self._host.lower()):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True

    @override
    def server_bind(self) -> None:
        # The standard library's looks up the name of the machine, which may take seconds and is not needed.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):  # those are readers that have gone
            print(f"a request failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version, sys_version = "lodo-bench", ""
    timeout = _LONGEST_REQUEST_SECONDS

    def do_GET(self) -> None:
        """Answer with the page, its version, or an error."""
        status, kind, content = self._answer()
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = do_GET

    def _answer(self) -> tuple[HTTPStatus, str, bytes]:
        if not self.server.is_own_name(self.headers.get("Host", "")):
            return _refusal(HTTPStatus.FORBIDDEN, f"Use the address {self.server.address}")
        if self.command not in ("GET", "HEAD"):
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "This server can be read only.")
        path = urlsplit(self.path).path
        try:
            if path == "/":
                return HTTPStatus.OK, _HTML, self.server.cache.page()
            if path == "/version":
                return HTTPStatus.OK, _TEXT, self.server.cache.version().encode()
        except LodoBenchError as error:
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"The page cannot be built: {error}")
        return _refusal(HTTPStatus.NOT_FOUND, f"There is nothing here. The page is at {self.server.address}")

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the terminal belongs to the user."""


def _refusal(status: HTTPStatus, text: str) -> tuple[HTTPStatus, str, bytes]:
    return status, _TEXT, f"{text}\n".encode()
