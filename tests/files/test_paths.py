"""Paths that the user gives: the home directory is expanded, and an empty path is refused."""

import json
from pathlib import Path

import pytest

from lodo_bench.errors import DatabaseError, UsageError
from lodo_bench.files.paths import user_path
from lodo_bench.results.database import Database
from tests.cli.runner import Place
from tests.results.filled import fill


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    fill(place.home / "mine.db")
    return place


def test_the_home_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/a b/out.csv", "output") == tmp_path / "a b" / "out.csv"
    assert user_path("./~/out.csv", "output") == Path("~/out.csv").absolute()


@pytest.mark.parametrize("given", ["", " ", "a\0b", "~no-such-user-at-all/x"])
def test_what_is_no_path(given):
    with pytest.raises(UsageError, match="the path of the output"):
        user_path(given, "output")


@pytest.mark.parametrize("location", ["~/mine.db", "sqlite:///~/mine.db"])
def test_a_database_in_the_home_directory(place, location, monkeypatch):
    results = [
        place.run_here("list", "run-sets", "--json", "--db", location),
        place.run_here("list", "run-sets", "--json", LODO_BENCH_DB=location),
        place.run_here("watch", "--once", "--json", "--db", location),
    ]
    assert [result.code for result in results] == [0, 0, 0]
    monkeypatch.setenv("HOME", str(place.home))
    monkeypatch.chdir(place.work)
    Database(location, create=True).close()
    assert Database(location, create=False).folder == place.home / "mine.db.checkpoints"
    assert list(place.work.iterdir()) == []


def test_files_in_the_home_directory(place):
    place.schedule(10, 10, population=2).rename(place.home / "schedule.yaml")
    tune = ("tune", "adam", "--task", "quadratic", "-T", "n=2", "--dry-run", "--schedule", "~/schedule.yaml")
    commands = (
        ("export", "runs", "--output", "~/runs.csv", "--db", "~/mine.db"),
        ("report", "--output", "~/page.html", "--db", "~/mine.db"),
        ("init", "~/new.yaml"),
        ("reproduce", "~/new.yaml", "--dry-run"),
        tune,
    )
    for command in commands:
        result = place.run_here(*command)
        assert result.code == 0, result.stderr
    assert {"runs.csv", "page.html", "new.yaml"} <= {path.name for path in place.home.iterdir()}
    assert list(place.work.iterdir()) == []


EMPTY = {
    "a database": ("list", "run-sets", "--db", ""),
    "a database to write": ("note", "run-set", 1, "x", "--db", ""),
    "an output": ("export", "runs", "--output", "", "--db", "~/mine.db"),
    "a page": ("report", "--output", "", "--db", "~/mine.db"),
    "a data directory": ("data", "status", "--data-dir", ""),
    "a data directory to examine": ("doctor", "--data-dir", ""),
    "a schedule": ("tune", "adam", "--task", "quadratic", "--schedule", "", "--dry-run"),
    "an experiment": ("reproduce", "", "--dry-run"),
    "a new experiment": ("init", ""),
    "a space": ("tune", "torch.optim.SGD", "--task", "quadratic", "--space", "", "--dry-run"),
    "a database to search for": ("tune", "adam", "--task", "quadratic", "--db", ""),
    "a database to run for": ("run", "adam", "--db", ""),
}


@pytest.mark.parametrize("command", EMPTY.values(), ids=EMPTY)
def test_an_empty_path_is_refused(place, command):
    result = place.run_here(*command)
    assert (result.code, result.stdout) == (2, "")
    assert "is empty, as a variable of the shell is that was not set" in result.message
    assert list(place.work.iterdir()) == []


@pytest.mark.parametrize("command", [("list", "run-sets"), ("run", "adam"), ("tune", "--task", "quadratic")])
def test_an_empty_variable_is_not_the_default_database(place, command):
    result = place.run_here(*command, LODO_BENCH_DB="")
    assert (result.code, result.stdout) == (2, "")
    assert "the environment variable LODO_BENCH_DB is empty" in result.message
    assert place.run_here("list", "run-sets", "--db", "~/mine.db", LODO_BENCH_DB="").code == 0
    assert place.run_here("watch", "--once", "--db", "~/mine.db", LODO_BENCH_DB="").code == 0


@pytest.mark.parametrize("location", [":memory:", "sqlite://", "sqlite:///:memory:"])
@pytest.mark.parametrize("command", [("run", "adam"), ("list", "studies")])
def test_a_command_does_not_store_in_memory(place, location, command):
    result = place.run_here(*command, "--db", location)
    assert (result.code, result.stdout) == (2, "")
    assert "is in memory, and would be lost at the end of the command" in result.message


def test_an_empty_database_is_refused_in_python():
    with pytest.raises(DatabaseError, match="the location of the database is empty"):
        Database("", create=True)


def test_the_output_is_named_as_it_was_given(place):
    result = place.run_here("init", "~/named.yaml", "--json")
    assert json.loads(result.stdout)["file"] == "~/named.yaml"
