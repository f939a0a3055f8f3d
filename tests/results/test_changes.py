"""The version of a database changes when another process has written, and only then."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from lodo_bench.errors import DatabaseError, DatabaseNotFoundError
from lodo_bench.results.changes import ChangeDetector
from lodo_bench.results.database import Database
from lodo_bench.results.managing import annotate, delete_records
from lodo_bench.results.store import Store
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Tuned
from tests.builders import curve, generation, individual, provenance, run, run_set_spec, study_spec


def open_store(path):
    return Store(Database(str(path), create=True), provenance())


def writes(store):
    """Each kind of write, one after the other."""
    yield store.open_study(study_spec(), fresh=False)
    yield store.add_generation(1, generation())
    yield store.add_individuals({1: [individual(0)]})
    yield store.finish_study(1, Tuned({"learning_rate": 0.1}))


def annotations(location):
    """Each kind of change by hand."""
    database = Database(location, create=False)
    for _ in range(2):
        yield annotate(database, "study", 1, lambda former: replace(former, note=f"{former.note}and "))
    yield annotate(database, "study", 1, lambda former: former.with_tags(["a"]))
    yield delete_records(database, "study", [1], with_runs=False)
    database.close()


def runs(store):
    """A run that is interrupted and resumed at once."""
    number = store.open_run_set(run_set_spec()).id
    yield store.add_run(number, run(0, status=Status.INTERRUPTED), curve())
    yield store.add_run(number, run(0), curve())


def test_every_write_is_a_change_and_reading_is_none(location):
    store = open_store(location)
    detector = ChangeDetector(location)
    seen = [detector.version()]
    for _ in chain(writes(store), runs(store), annotations(location)):
        seen.append(detector.version())
        Store(Database(location, create=False)).study_summaries()
        assert detector.version() == seen[-1]
    assert len(set(seen)) == 11
    detector.close()


def test_a_file_that_is_replaced_is_a_change(tmp_path):
    open_store(tmp_path / "a.db")
    detector = ChangeDetector(str(tmp_path / "a.db"))
    before = detector.version()
    open_store(tmp_path / "b.db")
    Path(tmp_path / "b.db").replace(tmp_path / "a.db")
    assert detector.version() != before
    (tmp_path / "a.db").unlink()
    with pytest.raises(DatabaseError, match="cannot be read: No such file"):
        detector.version()
    detector.close()


def test_there_must_be_a_database(tmp_path):
    with pytest.raises(DatabaseNotFoundError):
        ChangeDetector(str(tmp_path / "a.db"))
    assert list(tmp_path.iterdir()) == []
