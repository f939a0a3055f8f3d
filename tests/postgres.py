"""A PostgreSQL server of the tests' own, in a temporary directory, reached through a Unix socket."""

import ctypes
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

PATIENCE = 60
USER = "lodo"
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "listen_addresses": "",  # no network: the socket lies in the server's own directory
    "port": 5432,
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": 50,
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",  # containers have little of the other kinds
    "max_parallel_workers": 0,
    "logging_collector": "off",
}


def why_unavailable():
    """Why no server can be started here, or an empty text."""
    if importlib.util.find_spec("psycopg") is None:
        return "there is no driver for PostgreSQL: pip install psycopg[binary]"
    if programs() is None:
        return "there is no PostgreSQL server, such as Debian's package postgresql"
    if os.name != "posix" or (os.geteuid() == 0 and _unprivileged() is None):
        return "PostgreSQL refuses to run as root, and there is no other user"
    return ""


def programs():
    """The folder of the server's programs, of the newest version; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which("initdb")
    return Path(path).resolve().parent if path else None


def _end_with_parent():
    """In the server's process: end it when the tests are killed, which would leave it running."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _unprivileged():
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


class Server:
    """A running server.

    Args:
        directory: where its data and its socket lie; made if None, and removed by `close`. It must be reachable for
            the user that the server runs as, which is not root.
        initdb: further options of initdb.
    """

    def __init__(self, directory=None, *initdb):
        self._directory = Path(directory or tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._as_user = {"user": _unprivileged()} if os.geteuid() == 0 else {}
        if self._as_user:
            shutil.chown(self._directory, self._as_user["user"])
            self._as_user |= {"group": pwd.getpwnam(self._as_user["user"]).pw_gid, "extra_groups": []}
        self._numbers = itertools.count(1)
        self._process = None
        options = ("--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", *initdb)
        made = subprocess.run(
            [programs() / "initdb", "--pgdata", self._data, *options], **self._surroundings(), capture_output=True
        )
        assert made.returncode == 0, made.stderr.decode()
        self.start()

    @property
    def _data(self):
        return self._directory / "data"

    def _surroundings(self):
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        return {"cwd": self._directory, "env": environment, "stdin": subprocess.DEVNULL, **self._as_user}

    def start(self, **settings):
        """Start it, or start it again with the data that it has; `settings` are added to its own."""
        settings = _SETTINGS | {"unix_socket_directories": self._directory} | settings
        command = [
            programs() / "postgres",
            "-D",
            self._data,
            *(f"--{name}={value}" for name, value in settings.items()),
        ]
        end = time.monotonic() + PATIENCE
        while True:
            with (self._directory / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    **self._surroundings(),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_end_with_parent,
                )
            # After a crash, the processes of its former life may take a moment to notice.
            if self._is_ready(end):
                return
            assert time.monotonic() < end, (self._directory / "log").read_text()
            time.sleep(0.1)

    def _is_ready(self, end):
        import psycopg

        while self._process.poll() is None and time.monotonic() < end:
            try:
                psycopg.connect(host=str(self._directory), user=USER, dbname="postgres").close()
                return True
            except psycopg.OperationalError:
                time.sleep(0.02)
        return False

    def stop(self, how=signal.SIGINT):
        """Stop it: SIGINT ends its connections, SIGQUIT and SIGKILL leave it as after a loss of power."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None

    def restart(self, how=signal.SIGINT, **settings):
        """Stop it and start it again."""
        self.stop(how)
        self.start(**settings)

    def close(self):
        """Stop it and remove its directory."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._directory, ignore_errors=True)

    def url(self, database, user=USER, password=None):
        """The URL of one of its databases."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql+psycopg://{user}{secret}@/{database}?host={self._directory}"

    def execute(self, *statements, database="postgres"):
        """Execute statements outside of any transaction; the rows of the last, or None if it has none."""
        import psycopg

        with psycopg.connect(host=str(self._directory), user=USER, dbname=database, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def create(self, options=""):
        """Create an empty database and return its URL."""
        name = f"results{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def drop(self, url):
        """Drop a database, with the connections to it."""
        self.execute(f"DROP DATABASE {name_in(url)} WITH (FORCE)")

    @contextmanager
    def database(self, options=""):
        """An empty database, as its URL, for the length of a block."""
        url = self.create(options)
        yield url
        self.drop(url)

    def cut(self, url):
        """End all connections to a database, as a firewall or an administrator may; the number of them."""
        condition = f"datname = '{name_in(url)}' AND pid <> pg_backend_pid()"
        return len(self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {condition}"))


def query(url, sql):
    """Rows of a database, as tuples; none where there is no such table yet."""
    import psycopg

    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        try:
            return connection.execute(sql).fetchall()
        except psycopg.errors.UndefinedTable:
            connection.rollback()
            return []


def name_in(url):
    """The name of the database in a URL."""
    return url.partition("@/")[2].partition("?")[0]
