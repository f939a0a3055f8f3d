"""Runs the real program, in real processes or, where those add nothing, in this one."""

import functools
import io
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
import typer

from lodo_bench.cli.app import app, main
from lodo_bench.compute.interrupts import preserve_signal_handlers
from tests.postgres import query

PATIENCE = 180
# What the surroundings of the tests may have set, and what would change the program's output or where it writes.
_FOREIGN = (
    "LODO_BENCH_DB",
    "LODO_BENCH_DATA",
    "XDG_CACHE_HOME",
    "COLUMNS",
    "LINES",
    "FORCE_COLOR",
    "NO_COLOR",
    "PYTHONWARNINGS",
    "RAY_ADDRESS",
    "RAY_TMPDIR",
)
_BOX = re.compile(r"[─│╭╮╰╯\s]+")


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str

    @property
    def document(self):
        """The one JSON document that standard output consists of."""
        document = json.loads(self.stdout, parse_constant=_not_json)
        assert document["schema"] == 1
        return document

    @property
    def message(self):
        """Standard error without the boxes and line ends that depend on the width."""
        return _BOX.sub(" ", self.stderr).strip()


def _not_json(name):
    raise AssertionError(f"{name} is no JSON")


def _written(stream):
    stream.seek(0)
    return stream.buffer.read().decode(errors="surrogateescape")  # bytes of names that are no text


@functools.cache
def commands():
    """The program's commands, which a real process makes from their functions once."""
    return _get_command(app)


_get_command = typer.main.get_command


def command(*arguments):
    return [sys.executable, "-m", "lodo_bench", *map(str, arguments)]


class Place:
    """A directory to run the program in: its working directory, a home, a database that is not there yet.

    Args:
        directory: made if it is not there.
        temporary: the folder of temporary files; one in the directory by default.
        database: its location; a file in the directory by default.
    """

    def __init__(self, directory, temporary=None, database=None):
        self.directory = Path(directory)
        self.work, self.home = self.directory / "work", self.directory / "home"
        self.temporary = Path(temporary or self.directory / "tmp")
        for path in (self.work, self.home, self.temporary):
            path.mkdir(parents=True, exist_ok=True)
        self.database = database or self.directory / "data" / "results.db"

    def environment(self, **changes):
        kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        own = {"HOME": self.home, "TMPDIR": self.temporary, "LODO_BENCH_DB": self.database, **changes}
        return kept | {name: str(value) for name, value in own.items()}

    def run(self, *arguments, **environment):
        process = self.start(*arguments, **environment)
        return finish(process)

    def run_here(self, *arguments, **environment):
        """As `run`, but in this process, which has imported everything long ago: a real one takes seconds for that."""
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
        with (
            patch.object(sys, "argv", ["lodo-bench", *map(str, arguments)]),
            patch.object(typer.main, "get_command", lambda _: commands()),
            patch.dict(os.environ, self.environment(**environment), clear=True),
            chdir(self.work),
            preserve_signal_handlers(),
            redirect_stdout(streams[0]),
            redirect_stderr(streams[1]),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        return Result(ended.value.code or 0, *map(_written, streams))

    def start(
        self, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **environment
    ):
        """The running program, in a session of its own, so that it can be treated as if on a terminal of its own."""
        return subprocess.Popen(
            command(*arguments),
            cwd=self.work,
            env=self.environment(**environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )

    def schedule(self, *steps, population=16, name="schedule.yaml"):
        generations = "".join(f"  - {{sigma: {1 / (i + 1):.3g}, steps: {s}}}\n" for i, s in enumerate(steps))
        path = self.directory / name
        path.write_text(f"population: {population}\ngenerations:\n{generations}")
        return path

    def query(self, sql):
        """Rows of the database as it is on the disk; none where there is no such table yet."""
        if "://" in str(self.database):
            return query(self.database, sql)
        if not Path(self.database).exists():
            return []
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=60)) as connection:
            try:
                return connection.execute(sql).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def change(self, sql):
        """Change the database as another program would."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute(sql)
            connection.commit()

    def count(self, table):
        rows = self.query(f"SELECT COUNT(*) FROM {table}")
        return rows[0][0] if rows else 0


def finish(process):
    try:
        stdout, stderr = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        kill_group(process)
        stdout, stderr = process.communicate()
        raise AssertionError(f"no end after {PATIENCE} s\n{stdout}\n{stderr}") from None
    return Result(process.returncode, stdout, stderr)


def wait_until(condition, process=None, patience=PATIENCE):
    """Poll until `condition()` is true; the process must not end before, and does not survive if it never is."""
    end = time.monotonic() + patience
    while not (found := condition()):
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > end:
            if process is None:
                raise AssertionError(f"not within {patience} s")
            kill_group(process)
            raise AssertionError(f"{'ended too early' if ended else 'too late'}: {process.communicate()}")
        time.sleep(0.02)
    return found


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def continuing_command(result):
    """The arguments of the command that an interruption tells to continue with."""
    shown = re.search(r"Rerun to resume:\n  lodo-bench (.+)\n", result.stderr)
    assert shown, result.stderr
    return shlex.split(shown[1])
