"""Data sets of a few bytes with the names of the real ones, to be fetched from a server of the test's own."""

import gzip
import hashlib
import io
import random
import tarfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lodo_bench.tasks.data.catalog import DataFile, DataSet, Download

# Longer than what is read at a time, and not to be compressed, so that downloads can be cut off in the middle.
CONTENTS = {name: random.Random(name).randbytes(150_000) for name in ("first.bin", "second.bin")}
FOLDER = "toy-files"
ARCHIVE = "toy.tar.gz"


def checksum(content, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def data_file(name, algorithm="sha256"):
    return DataFile(name, len(CONTENTS[name]), checksum(CONTENTS[name], algorithm))


def archive(members=None):
    """A .tar.gz of `(TarInfo, content)` pairs; of the toy's files by default."""
    if members is None:
        members = [
            member(f"{FOLDER}/readme.html", b"read me"),
            *(member(f"{FOLDER}/{n}", c) for n, c in CONTENTS.items()),
        ]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)


def member(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def archived(mirrors=(), content=None, checked=True):
    """The data set as one archive."""
    content = archive() if content is None else content
    known = {"size": len(content), "checksum": checksum(content)} if checked else {}
    files = tuple(data_file(name, "md5") for name in CONTENTS)
    return DataSet("cifar10", "a toy", FOLDER, (Download(ARCHIVE, tuple(mirrors), files, **known),))


def zipped(*bases):
    """The data set as a gzip file for each of its files, on mirrors that begin with `bases`."""
    pieces = (Download(f"{n}.gz", tuple(f"{base}{n}.gz" for base in bases), (data_file(n),)) for n in CONTENTS)
    return DataSet("mnist", "a toy", "", tuple(pieces))


def gzipped(name):
    return gzip.compress(CONTENTS[name], mtime=0)


class Callback:
    def __init__(self):
        self.events, self.amounts = [], []

    def started(self, name, mirror):
        self.events.append(("started", mirror))

    def progress(self, done, total):
        self.amounts.append((done, total))

    def failed(self, source, reason):
        self.events.append(("failed", source, reason))

    def finished(self, name, outcome):
        self.events.append(("finished", name, outcome))

    def of(self, kind):
        return [event[1:] for event in self.events if event[0] == kind]


class Server:
    """Answers a path by what `answers` has for it: bytes, or a function of the request's handler."""

    def __init__(self, url):
        self.url, self.answers, self.requests = url, {}, []

    def at(self, path, answer):
        self.answers[path] = answer
        return f"{self.url}{path}"


@contextmanager
def serving():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests.append((self.path, self.headers["Range"]))
            answer = server.answers.get(self.path)
            if answer is None:
                self.send_error(404)
            elif callable(answer):
                answer(self)
            else:
                send(self, answer)

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def send(handler, content, *, declared=None, status=200):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) if declared is None else declared))
    handler.end_headers()
    handler.wfile.write(content)


def begun(request):
    """Where a request wants to go on, 0 for at the beginning."""
    return int((request[1] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))


def cut_off(content, after):
    """Answers that promise the whole and send its beginning; those to requests for the rest send that."""

    def answer(handler):
        asked = handler.headers["Range"]
        if asked:
            send(handler, content[begun((None, asked)) :], status=206)
        else:
            send(handler, content[:after], declared=len(content))

    return answer


def stalling(content, after):
    """An answer that sends the beginning, then nothing for as long as the other side waits."""

    def answer(handler):
        send(handler, content[:after], declared=len(content))
        handler.wfile.flush()
        for _ in range(600):
            time.sleep(0.1)
            try:
                handler.connection.send(b"")
                if handler.connection.recv(1) == b"":
                    return
            except OSError:
                return

    return answer
