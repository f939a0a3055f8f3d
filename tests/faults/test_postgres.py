"""A PostgreSQL server that is killed, restarted and full, connections that are cut, and several drivers at once."""

import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from lodo_bench.errors import DatabaseError
from lodo_bench.results.database import Database
from lodo_bench.results.schema import RunSetRow, now
from lodo_bench.results.store import Store
from tests import postgres
from tests.builders import curve, generation, individual, provenance, run, run_set_spec, study_spec
from tests.cli.runner import Place, finish, wait_until

KEPT = "a clear message, everything stored is kept, and a rerun ends with identical results"
LOST = r"connection .* failed: .*Everything stored so far is kept\. Rerun"
TUNE = ("tune", "adam", "--task", "quadratic", "-T", "dimension=100", "--workers", 0, "--json")


@pytest.fixture(scope="module")
def fragile():
    """A server of this module's own, which may be down in between."""
    if reason := postgres.why_unavailable():
        pytest.skip(reason)
    server = postgres.Server()
    yield server
    server.close()


@pytest.fixture
def url(fragile):
    with fragile.database() as url:
        yield url


def tune(place, generations):
    return (*TUNE, "--schedule", place.schedule(*[1500] * generations, population=8))


def individuals(place):
    return place.query(
        'SELECT g."index", i."index", i.fitness, i.status FROM individuals i '
        "JOIN generations g ON g.id = i.generation_id ORDER BY 1, 2"
    )


@pytest.mark.long
def test_a_server_is_killed_and_restarted_in_the_middle_of_a_search(fragile, url, tmp_path, kills, injected):
    place, whole = Place(tmp_path / "killed", database=url), Place(tmp_path / "whole")
    generations = 2 * kills + 4
    injected("SIGQUIT, SIGKILL or SIGINT to the PostgreSQL server during tune, and its restart", KEPT, kills)
    for number in range(kills):
        before = len(individuals(place))
        process = place.start(*tune(place, generations))
        wait_until(lambda before=before: len(individuals(place)) > before, process)
        fragile.stop((signal.SIGQUIT, signal.SIGKILL, signal.SIGINT)[number % 3])
        result = finish(process)
        fragile.start()
        assert result.code == 2, result
        assert "Traceback" not in result.stderr
        assert "the connection to the database" in result.message
        assert len(individuals(place)) > before
    found = place.run(*tune(place, generations))
    expected = whole.run_here(*tune(whole, generations))
    assert (found.code, expected.code) == (0, 0)
    assert found.document["studies"][0]["hyperparameters"] == expected.document["studies"][0]["hyperparameters"]
    assert individuals(place) == individuals(whole)


def fill(store, count):
    study = store.open_study(study_spec(), fresh=True).id
    store.add_generation(study, generation())
    for index in range(count):
        yield index
        store.add_individuals({study: [individual(index)]})


def test_a_server_that_is_restarted_between_two_writes_is_not_noticed(fragile, url, kills, injected):
    injected("restart of the PostgreSQL server between two writes", "the command continues", kills)
    database = Database(url, create=True)
    store = Store(database, provenance())
    for _ in fill(store, kills):
        fragile.restart()
    assert len(store.study(1).individuals) == kills
    database.close()


def test_connections_that_are_cut_between_two_writes_are_made_again(fragile, url, kills, injected):
    injected("all connections to PostgreSQL cut between two writes", "the command continues", 10 * kills)
    database = Database(url, create=True)
    store = Store(database, provenance())
    for _ in fill(store, 10 * kills):
        assert fragile.cut(url) >= 1
    assert len(store.study(1).individuals) == 10 * kills
    database.close()


def test_a_connection_that_is_cut_in_the_middle_of_a_write_stores_all_or_nothing(fragile, url, kills, injected):
    injected("connection to PostgreSQL cut in the middle of a write", "a clear message, and nothing half", kills)
    database = Database(url, create=True)
    store = Store(database, provenance())
    for number in range(kills):
        row = run_set_row(store, number)
        with pytest.raises(DatabaseError, match=LOST), database.writing() as session:
            session.add(row)
            session.flush()
            fragile.cut(url)
        assert store.run_sets() == []
    database.close()


def run_set_row(store, seed):
    study = store.open_study(study_spec(seed=seed), fresh=True).id
    return RunSetRow(identity="x", task="quadratic", optimizer="adam", spec={}, created=now(), study_id=study)


@pytest.mark.parametrize(
    "same",
    [pytest.param(True, id="the same study"), pytest.param(False, id="other studies", marks=pytest.mark.long)],
)
def test_two_drivers(url, tmp_path, injected, same):
    place, whole = Place(tmp_path / "two", database=url), Place(tmp_path / "whole")
    seeds = (0, 0) if same else (0, 1)
    commands = [(*tune(place, 4), "--seed", seed) for seed in seeds]
    promise = "one finishes, the other says why it ends; no result is stored twice" if same else "neither notices"
    injected(f"two drivers on {'one study' if same else 'two studies'} in PostgreSQL", promise)
    results = [finish(process) for process in [place.start(*command) for command in commands]]
    codes = sorted(result.code for result in results)
    assert codes in ([[0, 0], [0, 2]] if same else [[0, 0]]), results
    for result in results:
        assert "Traceback" not in result.stderr
        assert result.code == 0 or "another process is writing the same study" in result.message
    for seed in sorted(set(seeds)):
        found = place.run_here(*tune(place, 4), "--seed", seed).document["studies"][0]
        expected = whole.run_here(*tune(whole, 4), "--seed", seed).document["studies"][0]
        assert found["hyperparameters"] == expected["hyperparameters"]
    assert place.count("individuals") == 8 * 4 * len(set(seeds))


def test_ten_readers_beside_a_writer_see_whole_runs_only(location, cases, injected):
    kind, count = "PostgreSQL" if "://" in location else "SQLite", min(cases // 4, 500)
    injected(f"ten readers beside a writer ({kind})", "readers see whole runs, and hold up nobody", count)
    database = Database(location, create=True)
    store, ended, wrong = Store(database, provenance()), threading.Event(), []
    number = store.open_run_set(run_set_spec(num_seeds=count)).id

    def read():
        own, seen = Database(location, create=False), 0
        while not ended.is_set():
            try:
                runs = Store(own).run_set(number).runs
                if len(runs) < seen or any(list(run.milestones.values()) != [float(run.seed)] for run in runs):
                    wrong.append(runs)
                if runs:
                    np.testing.assert_array_equal(Store(own).curve(number, len(runs) - 1).losses, [3.0, 2.0, 1.0])
                seen = len(runs)
            except Exception as error:
                wrong.append(error)
        own.close()

    readers = [threading.Thread(target=read) for _ in range(10)]
    for reader in readers:
        reader.start()
    for seed in range(count):
        store.add_run(number, run(seed, loss=float(seed)), curve())
    ended.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(store.run_set(number).runs) == count
    database.close()


@pytest.fixture
def small_disk():
    """A small disk of its own, which only root can make; yields its folder."""
    folder = Path(tempfile.mkdtemp(prefix="pg-disk-", dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("only root can mount a small disk, and not in every container")
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@pytest.mark.long
def test_the_disk_of_the_server_is_full(small_disk, injected):
    if reason := postgres.why_unavailable():
        pytest.skip(reason)
    injected("full disk of the PostgreSQL server", "a clear message, and everything stored is kept")
    server = postgres.Server(small_disk, "--wal-segsize", "1")
    try:
        url = server.create()
        database = Database(url, create=True)
        store, stored = Store(database, provenance()), 0
        number = store.open_run_set(run_set_spec(num_seeds=1000)).id
        noise = np.random.default_rng(0)
        with pytest.raises(DatabaseError, match="Everything stored so far is kept"):
            for stored in range(1000):
                store.add_run(number, run(stored), curve(noise.normal(size=300_000)))
        database.close()
        assert stored > 3
        server.stop(signal.SIGQUIT)
        subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
        server.start()
        database = Database(url, create=True)
        store = Store(database, provenance())
        assert [run.seed for run in store.run_set(number).runs] == list(range(stored))
        assert len(store.curve(number, stored - 1).losses) == 300_000
        store.add_run(number, run(stored), curve())
        database.close()
    finally:
        server.close()
