"""Several processes at one database at the same time: no row is lost or doubled, and the second is told.

pytest tests/faults/test_concurrency.py --kills 100
"""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.runner import Place, finish, wait_until
from tests.faults.killing import check_database, contents, some

ASSETS = Path(__file__).parents[1] / "results/assets"
TASK = ("--task", "quadratic", "-T", "dimension=8")
TOLD = "another process is writing the same study or run set"
EXPERIMENT = """
title: Which?
task: quadratic
options: {dimension: 8}
optimizers: [adam]
hyperparameters: tuned
tuning: {schedule: {population: 8, generations: [{sigma: 1, steps: 600}, {sigma: 0.5, steps: 600}]}}
runs:
  - {seeds: 4, steps: 3000}
output: [comparison]
"""
SAME = {
    "study": ("tune", "lodo", *TASK, "--schedule", "../schedule.yaml", "--workers", 0),
    "run set": ("run", "lodo", *TASK, "--seeds", 6, "--steps", 3000),
    "experiment": ("reproduce", "mine.yaml", "--workers", 0, "-o", "page"),
}
FIRST_ROW = {"study": "individuals", "run set": "runs", "experiment": "individuals"}
READERS = 10


@pytest.fixture
def rounds(kills):
    """How often it is tried: starting several processes takes long."""
    return -(-kills // 20)


def prepare(directory):
    place = Place(directory)
    place.schedule(600, 600, population=8)
    (place.work / "mine.yaml").write_text(EXPERIMENT)
    return place


def assert_whole(place):
    """Nothing is there twice, and nothing is missing."""
    check_database(place)
    doubled = 'SELECT generation_id, "index" FROM individuals GROUP BY 1, 2 HAVING COUNT(*) > 1'
    assert place.query(doubled) == []
    assert place.query("SELECT run_set_id, seed FROM runs GROUP BY 1, 2 HAVING COUNT(*) > 1") == []
    assert place.query("SELECT identity FROM studies GROUP BY 1 HAVING COUNT(*) > 1") == []
    assert place.query("SELECT identity FROM run_sets GROUP BY 1 HAVING COUNT(*) > 1") == []


@pytest.mark.parametrize("what", some(SAME, "study"))
def test_two_drivers_of_the_same(what, tmp_path, rounds, injected):
    whole = prepare(tmp_path / "whole")
    assert whole.run_here(*SAME[what]).code == 0
    for number in range(rounds):
        place = prepare(tmp_path / str(number))
        first = place.start(*SAME[what])
        if number % 2 == 0:  # in the middle; otherwise at the same moment
            wait_until(lambda place=place: place.count(FIRST_ROW[what]) > 0, first)
        results = [finish(process) for process in (place.start(*SAME[what]), first)]
        for result in results:
            assert "Traceback" not in result.stderr, result
            assert result.code == 0 or (result.code == 2 and TOLD in result.stderr), result
        assert_whole(place)
        assert place.run_here(*SAME[what]).code == 0
        assert_whole(place)
        assert contents(place) == contents(whole)
    injected(f"two drivers of one {what}", "no row lost or doubled; the second ends with a message", rounds)


@pytest.mark.long
def test_two_drivers_of_different_studies_and_ten_readers(tmp_path, rounds, injected):
    for number in range(rounds):
        place = prepare(tmp_path / str(number))
        searches = [
            place.start("tune", name, *TASK, "--schedule", "../schedule.yaml", "--workers", 0)
            for name in ("lodo", "adam")
        ]
        wait_until(lambda place=place: place.count("individuals") > 0, searches[0])
        seen, reads = [0] * READERS, 0
        while any(search.poll() is None for search in searches):
            for reader in range(READERS):
                found = place.count("individuals")
                assert found >= seen[reader]
                seen[reader], reads = found, reads + 1
            assert place.run_here("list", "studies", "--json").code == 0
            assert place.run_here("export", "individuals", "--json").code == 0
        for result in map(finish, searches):
            assert (result.code, result.stderr.count("Traceback")) == (0, 0), result
        assert_whole(place)
        assert place.count("individuals") == 2 * 2 * 8
        whole = prepare(tmp_path / f"whole{number}")
        for name in ("lodo", "adam"):
            assert whole.run_here("tune", name, *TASK, "--schedule", "../schedule.yaml", "--workers", 0).code == 0
        values = "SELECT optimizer, hyperparameters FROM studies ORDER BY optimizer"
        assert place.query(values) == whole.query(values)
    injected("two drivers of different studies, and ten readers beside them", "all are served, no row is lost", rounds)


@pytest.mark.long
def test_a_run_set_is_deleted_while_it_runs(tmp_path, rounds, injected):
    for number in range(rounds):
        place = prepare(tmp_path / str(number))
        process = place.start(*SAME["run set"])
        wait_until(lambda place=place: place.count("runs") > 0, process)
        deleted = place.run_here("delete", "run-set", 1, "--yes")
        result = finish(process)
        assert (deleted.code, deleted.stderr.count("Traceback")) == (0, 0), deleted
        assert "Traceback" not in result.stderr, result
        assert result.code in (0, 2), result
        assert result.code == 0 or "lodo-bench: " in result.stderr, result
        check_database(place)
        again = place.run_here(*SAME["run set"])
        assert again.code == 0, again
        assert place.query("SELECT COUNT(*) FROM runs WHERE status = 'completed'") == [(6,)]
    injected("a run set is deleted while it runs", "a clear message; the rest of the database is whole", rounds)


@pytest.mark.long
def test_an_upgrade_by_two_processes_at_once(tmp_path, rounds, injected):
    whole = with_old_database(tmp_path / "whole")
    assert whole.run_here("list", "studies").code == 0
    for number in range(rounds):
        place = with_old_database(tmp_path / str(number))
        results = [finish(process) for process in [place.start("list", "studies", "--json") for _ in range(2)]]
        assert [(result.code, result.stderr.count("Traceback")) for result in results] == [(0, 0)] * 2, results
        assert sum("Upgraded the database" in result.stderr for result in results) == 1, results
        assert results[0].stdout == results[1].stdout
        check_database(place)
        assert contents(place) == contents(whole)
    injected("an upgrade of an old database by two processes at once", "it is made once, and both continue", rounds)


def with_old_database(directory):
    place = Place(directory)
    place.database.parent.mkdir()
    place.database.write_bytes(gzip.decompress((ASSETS / "version3.db.gz").read_bytes()))
    return place


def test_a_program_that_holds_the_database_is_waited_for(tmp_path, injected):
    place = prepare(tmp_path)
    assert place.run_here("run", "adam", *TASK, "--steps", 5, "--seeds", 1).code == 0
    with closing(sqlite3.connect(place.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        process = place.start("note", "run-set", 1, "busy")
        assert place.run_here("list", "run-sets").code == 0
        other.execute("ROLLBACK")
    result = finish(process)
    assert result.code == 0, result
    injected("another program holds the database's lock", "readers read, a writer waits")
