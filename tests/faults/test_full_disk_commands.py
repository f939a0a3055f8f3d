"""Whole commands on a full disk: once there is space, the same command ends as if nothing had happened."""

import gc
import random
import re
import shlex
import shutil

import pytest

from lodo_bench.cli.options import set_data_directory
from lodo_bench.tasks.data import catalog
from tests.cli.runner import Place
from tests.faults.sealing import small_disk
from tests.tasks.data.synthetic import ARCHIVE, CONTENTS, archive, archived, gzipped, serving, zipped

KIB = 1024
DISK = 2000
PROMISE = "what, where, what is kept and how to resume is said; with space, the same command ends with the same results"
BOWL = ("--task", "quadratic", "-T", "dimension=8")
INDIVIDUALS = 'SELECT generation_id, "index", hyperparameters, fitness, status FROM individuals ORDER BY 1, 2'
RUNS = """
SELECT run_sets.id, seed, status, steps, key, loss, losses
FROM run_sets JOIN runs ON run_set_id = run_sets.id JOIN milestones ON milestones.run_id = runs.id
JOIN curves ON curves.run_id = runs.id ORDER BY run_sets.id, seed
"""


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", DISK) as folder:
        yield folder


def leave(disk, kib):
    """Fill the disk up to some KiB. What the last round deleted takes space as long as anything refers to it."""
    gc.collect()
    (disk / "ballast").write_bytes(b"x" * (DISK - kib) * KIB)


def tune(place):
    schedule = place.schedule(3, 3, population=24)
    return ("tune", "adam", "momentum", *BOWL, "--schedule", schedule, "--workers", 0, "--json")


def run(place):
    return ("run", "adam", *BOWL, "--steps", 12_000, "--seeds", 6, "-p", "lr=0.01", "--json")


COMMANDS = {"tune": (tune, INDIVIDUALS), "run": (run, RUNS)}


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    """What each command finds where there is space."""
    found = {}
    for name, (command, query) in COMMANDS.items():
        place = Place(tmp_path_factory.mktemp(name))
        assert place.run_here(*command(place)).code == 0
        found[name] = place.query(query)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_searches_and_runs(name, disk, tmp_path, references, cases, injected):
    command, query = COMMANDS[name]
    rng, times, started = random.Random(name), min(40, max(4, cases // 50)), 0
    for number in range(times):
        place = Place(tmp_path / f"place{number}", database=disk / "results" / f"{number}.db")
        leave(disk, [60, 300, 700][number] if number < 3 else rng.randrange(20, 900))
        stopped = place.run_here(*command(place))
        (disk / "ballast").unlink()
        if stopped.code:
            assert stopped.code == 2, stopped
            assert f"'{place.database}'" in stopped.message
            assert f"'{place.database.parent}' is full" in stopped.message or "No space left" in stopped.message
            assert "stored" in stopped.message
            assert stopped.stdout == ""
            started += 0 < place.count("individuals" if name == "tune" else "runs") < len(references[name])
            (again,) = re.findall(r"Then resume with\n  lodo-bench (.+)\n", stopped.stderr)
            assert place.run_here(*shlex.split(again)).code == 0
        assert place.query(query) == references[name]
        shutil.rmtree(place.database.parent)
    assert started
    injected(f"a full disk during `{name}`, at any moment", PROMISE, times)


@pytest.mark.parametrize("kind", ["archive", "files"])
def test_data_sets(kind, disk, tmp_path, monkeypatch, cases, injected):
    times, rng = min(30, max(4, cases // 50)), random.Random(kind)
    monkeypatch.setattr("lodo_bench.cli.options.set_data_directory", set_data_directory)
    with serving() as server:
        if kind == "archive":
            data_set = archived([server.at(f"/{ARCHIVE}", archive())])
        else:
            for name in CONTENTS:
                server.at(f"/{name}.gz", gzipped(name))
            data_set = zipped(f"{server.url}/")
        monkeypatch.setitem(catalog.DATA_SETS, data_set.name, data_set)
        for number in range(times):
            place, folder = Place(tmp_path / f"place{number}"), disk / f"data{number}"
            command = ("data", "fetch", data_set.name, "--data-dir", folder)
            leave(disk, [20, 200, 350, 500][number] if number < 4 else rng.randrange(10, 700))
            stopped = place.run_here(*command)
            (disk / "ballast").unlink()
            if stopped.code:
                assert stopped.code == 2, stopped
                assert f"cannot write {data_set.name} to '{folder / data_set.name}': No space left" in stopped.message
                assert "What is downloaded is kept" in stopped.message
                assert "to resume" in stopped.message
                kept = {path.name for path in folder.rglob("*") if path.is_file()}
                assert kept <= {*CONTENTS, f".{ARCHIVE}.part"}, kept
                assert place.run_here(*command).code == 0
            content = {path.name: path.read_bytes() for path in (folder / data_set.name).iterdir()}
            assert content == CONTENTS
            shutil.rmtree(folder)
    injected("a full disk during `data fetch`, at any moment", PROMISE, times)
