"""Sockets, below temporary directories of any length."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lodo_bench.compute import sockets
from lodo_bench.compute.sockets import socket_directories

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")

# A program's own: multiprocessing chooses its directory once in a process.
PROGRAM = """
import multiprocessing, os, sys, tempfile
from multiprocessing.connection import Listener
from multiprocessing.util import get_temp_dir
from lodo_bench.compute import sockets

if __name__ == "__main__":
    {before}
    before = tempfile.gettempdir()
    print(sockets.provide_sockets())
    assert tempfile.gettempdir() == before == os.environ["TMPDIR"]
    {after}
"""
SERVE = """with Listener(family="AF_UNIX") as listener: print(os.path.dirname(get_temp_dir()) == before)
    process = multiprocessing.get_context("forkserver").Process(target=print, args=("forked",))
    process.start()
    process.join()"""


def run(tmp_path, temporary, before="pass", after=SERVE):
    temporary.mkdir(exist_ok=True)
    (tmp_path / "program.py").write_text(PROGRAM.format(before=before, after=after))
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("length", [80, 90, 110, 200])
def test_a_long_temporary_directory_is_avoided(tmp_path, length):
    temporary = tmp_path / ("x" * (length - len(str(tmp_path)) - 1))
    assert run(tmp_path, temporary) == ["True", "False", "forked"]
    assert list(temporary.iterdir()) == []


def test_characters_of_several_bytes_count(tmp_path):
    assert run(tmp_path, tmp_path / ("ж" * 20)) == ["True", "False", "forked"]


def test_a_short_temporary_directory_is_used(tmp_path):
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        assert run(tmp_path, Path(short)) == ["True", "True", "forked"]


def test_a_directory_that_cannot_be_written_is_passed_over(tmp_path):
    before = 'sockets._PARENTS = ("/proc", "/nowhere", *sockets._PARENTS)'
    assert run(tmp_path, tmp_path / ("x" * 80), before) == ["True", "False", "forked"]


@pytest.mark.parametrize("before", ["sockets._PARENTS = ()", 'sockets._PARENTS = ("/proc",)', "get_temp_dir()"])
def test_no_directory_can_be_used(tmp_path, before):
    """There is none, or a library has chosen before."""
    after = "from lodo_bench.tuner.engines.context import process_context; print(process_context().get_start_method())"
    assert run(tmp_path, tmp_path / ("x" * 80), before, after) == ["False", "spawn"]


def test_where_no_temporary_directory_can_be_written(monkeypatch):
    def nowhere():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    assert list(socket_directories(20)) == list(sockets._PARENTS)
    assert list(socket_directories(97)) == ["/tmp"]
    assert not list(socket_directories(100))
