"""Small searches and runs for hours in one process: what it holds stays the same.

pytest tests/faults/test_soak.py --soak-minutes 90 -s
"""

import os
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import lodo_bench
from tests.cli.runner import Place

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc here")

FEW_ROUNDS, WARM_UP_ROUNDS = 2, 1
# By so much, Python's and PyTorch's memory varies between rounds that are alike.
MEMORY_SLACK = 1.05
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Usage:
    """What this process holds at one moment; memory in MiB."""

    memory: float
    files: int
    threads: int
    temporary: int
    processes: int
    sessions: int

    def without_memory(self):
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "memory"}


def usage(temporary):
    return Usage(
        memory=int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20,
        files=open_files().total(),
        threads=max(threading.active_count(), len(os.listdir("/proc/self/task"))),
        temporary=sum(1 for _ in temporary.rglob("*")),
        processes=sum(1 for entry in Path("/proc").iterdir() if entry.name.isdigit() and is_ours(entry, temporary)),
        sessions=len([*temporary.rglob("session_*"), *Path("/tmp/ray").glob(f"session_*_{os.getpid()}")]),
    )


def open_files():
    """How often this process has each file open."""
    names = Counter()
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            names[os.readlink(f"/proc/self/fd/{name}").partition(":")[0]] += 1
    return names


def is_ours(entry, temporary):
    """Whether a process was started here, or by one that was."""
    try:
        parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        return parent == os.getpid() or f"TMPDIR={temporary}\0".encode() in (entry / "environ").read_bytes()
    except OSError:
        return False


@pytest.fixture
def soaked(monkeypatch):
    """A place with a short path, as Ray's sockets need one, for all temporary files of this process, too."""
    directory = tempfile.mkdtemp(prefix="lb")
    place = Place(directory)
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
    place.schedule(60, 60, population=4)
    yield place
    shutil.rmtree(directory)


def work(place, number, *, with_ray):
    """A search and runs by both engines, and by functions as well as by commands; in a database of their own."""
    schedule, task = str(place.directory / "schedule.yaml"), {"dimension": 6}
    for engine in ("processes", "ray") if with_ray else ("processes",):
        db = str(place.directory / f"{engine}.db")
        settings = {"task_options": task, "db": db}
        lodo_bench.tune("quadratic", ["adam"], schedule=schedule, seed=number, workers=2, engine=engine, **settings)
        lodo_bench.run("adam", "quadratic", seeds=2, steps=200, **settings)
        lodo_bench.run("lodo", "quadratic", seeds=2, steps=200, timed=False, **settings)
    named = ("--task", "quadratic", "-T", "dimension=6")
    done = [
        place.run_here("tune", "momentum", *named, "--schedule", schedule, "--workers", 2, "--seed", number),
        place.run_here("run", "momentum", *named, "--steps", 200, "--seeds", 2),
        place.run_here("report", "-o", "report.html"),
        place.run_here("plot", "curves", "-o", "curves.png"),
        place.run_here("export", "curves", "-o", "curves.csv"),
    ]
    if with_ray:
        done.append(place.run("list", "studies", "--json"))
    assert [result.code for result in done] == [0] * len(done), done
    for path in (*place.directory.glob("*.db*"), *place.database.parent.glob("*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def open_fonts(directory):
    """Open the fonts of all labels that an axis may have: matplotlib opens each when one needs it, and keeps it."""
    figure = Figure()
    figure.text(0, 0, "0.1 $\\mathdefault{10^{-3}}$ $2\\times 10^{-3}$")
    figure.savefig(directory / "fonts.png")


@pytest.mark.long
def test_a_few_rounds_leave_nothing_open(soaked, injected):
    open_fonts(soaked.directory)
    for number in range(WARM_UP_ROUNDS):
        work(soaked, number, with_ray=False)
    before, opened = usage(soaked.temporary), open_files()
    for number in range(WARM_UP_ROUNDS, WARM_UP_ROUNDS + FEW_ROUNDS):
        work(soaked, number, with_ray=False)
    after = usage(soaked.temporary)
    injected("searches and runs, one after the other, in one process", "nothing stays open", FEW_ROUNDS)
    assert open_files() - opened == Counter()
    assert after.without_memory() == before.without_memory()


def test_the_use_of_the_machine_stays_flat(soaked, request, injected):
    minutes = request.config.getoption("--soak-minutes")
    if not minutes:
        pytest.skip("no --soak-minutes")
    seen, end = [], time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        work(soaked, len(seen), with_ray=True)
        seen.append(usage(soaked.temporary))
        print(len(seen), time.strftime("%H:%M:%S"), seen[-1], flush=True)
    assert len(seen) >= 8, "too short for anything to be said"
    quarter = len(seen) // 4
    early, late = medians(seen[quarter : 2 * quarter]), medians(seen[-quarter:])
    print("second quarter", early, "last quarter", late, flush=True)
    injected(
        f"{minutes:g} minutes of searches and runs with both engines in one process",
        "memory, open files, threads, temporary files, processes and Ray's sessions stay as many",
        len(seen),
    )
    assert late.memory <= early.memory * MEMORY_SLACK, (early, late)
    before = early.without_memory()
    assert {name: count for name, count in late.without_memory().items() if count > before[name]} == {}


def medians(seen):
    return Usage(*(statistics.median(getattr(each, field.name) for each in seen) for field in fields(Usage)))
