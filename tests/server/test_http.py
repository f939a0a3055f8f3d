"""The server answers to its own names only, can be read only, and has two addresses."""

import http.client
import socket
import threading
from contextlib import closing

import pytest

from lodo_bench.errors import DatabaseError, UsageError
from lodo_bench.server.http import PageServer
from lodo_bench.server.page_cache import PageCache


class Content:
    def __init__(self):
        self.error = None

    def build(self, version):
        if self.error is not None:
            raise self.error
        return f"<p>{version}</p>".encode()


@pytest.fixture(scope="module")
def content():
    return Content()


@pytest.fixture(scope="module")
def server(content):
    with PageServer("127.0.0.1", 0, PageCache(lambda: str(content.error or "v1"), content.build)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, method="GET", path="/", host=None):
    """Status, headers and body of an answer."""
    with closing(http.client.HTTPConnection(*server.server_address[:2], timeout=30)) as connection:
        connection.putrequest(method, path, skip_host=True)
        own = f"127.0.0.1:{server.server_address[1]}"
        if host != "":
            connection.putheader("Host", own if host is None else host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def test_the_page_and_its_version(server):
    status, headers, body = ask(server)
    assert (status, body, headers["Content-Type"]) == (200, b"<p>v1</p>", "text/html; charset=utf-8")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]
    assert ask(server, path="/version?x=1")[2] == b"v1"


def test_head_has_no_body(server):
    status, headers, body = ask(server, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "9", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(server, method):
    status, headers, _ = ask(server, method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/etc/passwd", "/../../etc/passwd", "/results/", "//x", "/index.html", "/%2e%2e/"])
def test_there_is_nothing_else(server, path):
    status, headers, body = ask(server, path=path)
    assert (status, headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert body.decode() == f"There is nothing here. The page is at {server.address}\n"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8765", "192.168.0.7:1", "localhost."]
)
def test_own_names_are_answered(server, host):
    assert ask(server, host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8765", "127.0.0.1.evil.example", "a:b:c", "[::1", "x:y"]
)
@pytest.mark.parametrize("path", ["/", "/version"])
def test_other_names_are_refused(server, host, path):
    status, _, body = ask(server, path=path, host=host)
    assert (status, b"v1" in body) == (403, False)


def test_a_page_that_cannot_be_built(server, content):
    content.error = DatabaseError("the database is gone.")
    try:
        status, _, body = ask(server)
        assert (status, body) == (503, b"The page cannot be built: the database is gone.\n")
    finally:
        content.error = None
    assert ask(server)[0] == 200


def test_an_unforeseen_error_is_one_line(server, content, capsys):
    content.error = ZeroDivisionError("by zero")
    try:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            ask(server)
    finally:
        content.error = None
    assert ask(server)[0] == 200
    assert capsys.readouterr().err == "a request failed: ZeroDivisionError: by zero\n"


def test_a_port_in_use_and_other_places_that_cannot_be(server):
    cache = PageCache(lambda: "", lambda _: b"")
    port = server.server_address[1]
    with pytest.raises(UsageError, match=f"cannot serve at 127.0.0.1, port {port}: Address already in use"):
        PageServer("127.0.0.1", port, cache)
    with pytest.raises(UsageError, match=r"cannot serve at no-such-host\.invalid, port 0"):
        PageServer("no-such-host.invalid", 0, cache)


def test_the_address_is_that_of_the_browser():
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        server = PageServer("::1", 0, PageCache(lambda: "", lambda _: b""))
    except UsageError:
        pytest.skip("no IPv6 here")
    with server:
        assert server.address == f"http://[::1]:{server.server_address[1]}/"
        assert server.is_own_name("[::1]:80")
