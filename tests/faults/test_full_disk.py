"""A full disk: what, where and what is kept is said, nothing half-written is left, and what was stored can be read."""

import sqlite3
from contextlib import closing

import pytest
import torch

from lodo_bench.errors import NotStoredError, UsageError
from lodo_bench.files.atomic import open_output
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.training.checkpoint import Checkpoint
from tests.builders import curve, generation, individual, provenance, run, run_set_spec, study_spec
from tests.cli.runner import Place
from tests.faults.sealing import small_disk, small_files
from tests.helpers import training_spec

KIB = 1024
DISK = "every write to the database, on a full disk"
PROMISE = "what was stored is kept and can be read, and the rest follows once there is space"


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 600) as folder:
        yield folder


def open_store(path):
    database = Database(str(path), create=True)
    return Store(database, provenance()), database


def fill_up(store, study, first=0):
    """Store individuals until that fails; return their number and the error."""
    for index in range(first, 100_000):
        try:
            store.add_individuals({study: [individual(index, host="h" * 500)]})
        except NotStoredError as error:
            return index, error
    raise AssertionError("the disk was never full")


def check_whole(path, count):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT COUNT(*) FROM individuals").fetchone() == (count,)


def test_what_was_stored_before_the_disk_was_full_is_kept(disk, cases, injected):
    """Whatever the number of free bytes, that is, wherever the write fails."""
    path, ballast = disk / "results.db", disk / "ballast"
    times = min(40, max(4, cases // 25))
    store, database = open_store(path)
    study = store.open_study(study_spec(), fresh=True).id
    store.add_generation(study, generation())
    stored = 0
    for number in range(times):
        ballast.write_bytes(b"x" * (300 - 7 * number) * KIB)
        stored, error = fill_up(store, study, stored)
        assert f"'{path}' cannot be written: the disk of '{disk}' is full" in str(error)
        with closing(Database(str(path), create=False)) as other:
            assert Store(other).study_summary(study).num_individuals == stored
        ballast.unlink()
    database.close()
    check_whole(path, stored)
    injected(DISK, PROMISE, times)


def test_results_can_be_read_on_a_full_disk(disk, injected):
    path = disk / "results.db"
    store, database = open_store(path)
    number = store.open_run_set(run_set_spec()).id
    store.add_run(number, run(), curve())
    database.close()
    with pytest.raises(OSError), (disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * KIB)
    for _ in range(3):
        with closing(Database(str(path), create=False)) as other:
            assert len(Store(other).run_set(number).runs) == 1
    injected("reading results on a full disk", "all of them are shown", 3)


def test_a_limit_on_the_size_of_files(tmp_path, injected):
    """As a quota: for those who cannot mount a small disk."""
    path = tmp_path / "results.db"
    store, database = open_store(path)
    study = store.open_study(study_spec(), fresh=True).id
    store.add_generation(study, generation())
    with small_files(400 * KIB):
        stored, error = fill_up(store, study)
    assert f"'{path}' cannot be written: " in str(error)
    assert stored > 0
    store.add_individuals({study: [individual(stored)]})
    database.close()
    check_whole(path, stored + 1)
    injected("every write to the database, beyond a limit on the size of files", PROMISE)


@pytest.mark.parametrize("former", [None, b"former"])
def test_an_output_is_whole_or_as_it_was(disk, former, cases, injected):
    path, times = disk / "out.csv", min(100, max(5, cases // 20))
    if former is not None:
        path.write_bytes(former)
    for number in range(times):
        with pytest.raises(UsageError) as caught, open_output(str(path)) as file:
            for _ in range(1000):
                file.write(b"x" * (KIB + number))
        assert f"cannot write '{path}': No space left on device in '{disk}'" in str(caught.value)
        assert ("the former file is unchanged" in str(caught.value)) == (former is not None)
        assert [each.read_bytes() for each in disk.iterdir()] == ([] if former is None else [former])
    injected("every write to an output file, on a full disk", "named with its folder; the former file is kept", times)


def test_commands_say_what_is_full(disk, tmp_path, injected):
    place = Place(tmp_path / "place")
    store, database = open_store(place.database)
    number = store.open_run_set(run_set_spec()).id
    store.add_run(number, run(), curve())
    database.close()
    (disk / "ballast").write_bytes(b"x" * 599 * KIB)
    (disk / "ballast2").write_bytes(b"")
    with (disk / "ballast2").open("ab", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 512)
    names = {"runs.csv": ("export", "runs", "-o"), "page.html": ("report", "-o"), "new.yaml": ("init",)}
    for name, command in names.items():
        result = place.run_here(*command, disk / name)
        assert (result.code, result.stdout) == (2, "")
        assert "No space left on device" in result.message
        assert name in result.message
    assert sorted(each.name for each in disk.iterdir()) == ["ballast", "ballast2"]
    fault = "every write to an output file, on a full disk"
    injected(fault, "named with its folder; the former file is kept", len(names))


def test_a_checkpoint_is_whole_or_the_former_one(disk, injected):
    notices, spec = [], training_spec()
    kept = Checkpoint(disk / "kept" / "1-0.pt", "", 0.0, notices.append)
    kept.write(spec, {"x": torch.zeros(10_000)})
    assert notices == []
    for size in (150_000, 143_000, 1_000_000):
        kept.write(spec, {"x": torch.zeros(size)})
    assert len(notices) == 3
    assert all("No space left on device" in notice and "1-0.pt" in notice for notice in notices)
    assert kept.read(spec)["x"].shape == (10_000,)
    assert [each.name for each in (disk / "kept").iterdir()] == ["1-0.pt"]
    injected("every write of a checkpoint, on a full disk", "the run continues, and the former checkpoint is kept", 3)
