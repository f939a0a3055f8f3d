"""Several databases read as one: numbers are unique, and every number leads to what it is of."""

import pytest

from lodo_bench.api.reading import open_results
from lodo_bench.errors import DatabaseNotFoundError, UnknownNameError, UsageError
from lodo_bench.results.location import place_of
from lodo_bench.results.merged import MergedResults
from tests.results.filled import fill


@pytest.fixture
def locations(tmp_path, location):
    """A file, and a database of each kind."""
    found = [str(tmp_path / "laptop results.db"), location]
    for host, each in zip(("laptop", "server"), found, strict=True):
        fill(each, host=host)[1].close()
    return found


@pytest.fixture
def merged(locations):
    return open_results(locations)


def test_the_second_database_has_numbers_from_1001(merged):
    assert sorted(record.id for record in merged.run_sets()) == [1, 2, 3, 4, 5, 1001, 1002, 1003, 1004, 1005]
    assert sorted(study.id for study in merged.study_summaries()) == [1, 2, 1001, 1002]
    assert [study.id for study in merged.studies()] == [study.id for study in merged.study_summaries()]
    assert {record.id for record in merged.run_sets("rosenbrock")} == {5, 1005}


def test_the_user_is_told_the_numbers(locations):
    notices = []
    open_results(locations, notices.append)
    first, second = locations
    assert notices == [
        f"Run sets and studies of '{first}' keep their numbers; 1001, 1002, ... are 1, 2, ... of '{second}'."
    ]
    notices.clear()
    open_results(locations[:1], notices.append)
    assert notices == []


def test_records_are_those_of_their_database(merged, locations):
    record = merged.run_set(1001)
    assert (record.id, record.spec.hyperparameters.study_id) == (1001, 1001)
    assert {(p.host, p.database) for p in record.provenances} == {("server", locations[1])}
    assert {(p.host, p.database) for p in merged.provenances(1001)} == {("server", locations[1])}
    assert {(p.host, p.database) for p in merged.run_set(1).provenances} == {("laptop", locations[0])}
    assert merged.study(1001).spec == merged.study(1).spec
    assert list(merged.curve(1003, 2).losses) == [3.0, 2.0, 1.0]
    assert merged.metrics(1003)[2] == {}


def test_the_oldest_come_first_whatever_the_database(merged):
    times = [record.created for record in merged.run_sets()]
    assert times == sorted(times)


@pytest.mark.parametrize("number", [0, 6, 1000, 1006, 2001, -1])
def test_other_numbers_are_unknown(number, merged):
    with pytest.raises(UnknownNameError, match=f"unknown run set '{number}'"):
        merged.run_set(number)
    with pytest.raises(UnknownNameError, match="unknown study"):
        merged.study(number)


def test_large_numbers_leave_room_for_each_other():
    class Numbered:
        def run_set_numbers(self):
            return [1000]

        def study_numbers(self):
            return []

    assert "10001, 10002, ... are 1, 2, ... of 'b'" in MergedResults([("a", Numbered()), ("b", Numbered())]).numbering


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "a.db")[1].close()
    (tmp_path / "link.db").symlink_to("a.db")
    (tmp_path / "same.db").hardlink_to("a.db")
    (tmp_path / "folder").symlink_to(".")
    return tmp_path


WRITTEN = "a.db ./a.db ~/a.db {}/a.db sqlite:///a.db sqlite:///{}/a.db sqlite:///~/a.db link.db same.db folder/a.db"


@pytest.mark.parametrize("other", WRITTEN.split())
def test_one_that_is_given_twice_is_refused_however_it_is_written(home, other):
    with pytest.raises(UsageError, match="given twice"):
        open_results(["a.db", other.format(home)])


def test_a_database_on_a_server_that_is_written_in_two_ways():
    places = [
        place_of(f"{driver}://user:{password}@host:5432/results")
        for driver, password in (("postgresql", "a"), ("postgresql+psycopg", "b"))
    ]
    assert places[0] == places[1] != place_of("postgresql://user:a@host:5432/others")


def test_one_that_is_not_there_is_refused(locations, tmp_path):
    with pytest.raises(UsageError, match="given twice"):
        open_results([str(tmp_path / "none.db"), str(tmp_path / "none.db")])
    with pytest.raises(DatabaseNotFoundError):
        open_results([locations[0], str(tmp_path / "none.db")])
