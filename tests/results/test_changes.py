"""The version of a database changes when another process has written, and only then."""

from pathlib import Path

import pytest

from lodo_bench.errors import DatabaseError, DatabaseNotFoundError
from lodo_bench.results.changes import ChangeDetector
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.training import Tuned
from tests.builders import generation, individual, provenance, study_spec


def open_store(path):
    return Store(Database(str(path), create=True), provenance())


def writes(store):
    """Each kind of write, one after the other."""
    yield store.open_study(study_spec(), fresh=False)
    yield store.add_generation(1, generation())
    yield store.add_individuals({1: [individual(0)]})
    yield store.finish_study(1, Tuned({"learning_rate": 0.1}))


@pytest.mark.parametrize("method", ["version", "_count_rows"])
def test_every_write_is_a_change_and_reading_is_none(tmp_path, method):
    store = open_store(tmp_path / "a.db")
    detector = ChangeDetector(str(tmp_path / "a.db"))
    seen = [getattr(detector, method)()]
    for _ in writes(store):
        seen.append(getattr(detector, method)())
        Store(Database(str(tmp_path / "a.db"), create=False)).study_summaries()
        assert getattr(detector, method)() == seen[-1]
    assert len(set(seen)) == 5
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
