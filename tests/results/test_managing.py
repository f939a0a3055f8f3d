"""Deletion leaves nothing behind and touches nothing else; notes and tags are kept."""

import pytest
from sqlalchemy import func, select

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.results import managing
from lodo_bench.results.managing import annotate, delete_records, plan_deletion
from lodo_bench.results.schema import Base
from tests.builders import run_set_spec, study_spec
from tests.results.filled import fill


@pytest.fixture
def filled(location, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # in which the files of a database on a server lie
    store, database = fill(location)
    yield store, database
    database.close()


def counts(database):
    with database.reading() as session:
        tables = {name: session.scalar(select(func.count()).select_from(t)) for name, t in Base.metadata.tables.items()}
    return {name: count for name, count in tables.items() if name not in ("lodo_bench_schema", "provenances")}


def test_a_run_set_is_deleted_with_its_files_and_no_other(filled):
    store, database = filled
    store.folder.mkdir(parents=True)
    names = ["3-0.pt", "3-1.parameters.pt", ".3-0.pt.77.tmp", "30-0.pt", "1-3.pt"]
    for name in names:
        (store.folder / name).touch()
    before = {record.id: record for record in store.run_sets()}
    deletion = delete_records(database, "run-set", [3, 3], with_runs=False)
    assert (deletion.run_sets, deletion.studies, deletion.runs) == ((3,), (), 3)
    assert {record.id: record for record in store.run_sets()} == {n: r for n, r in before.items() if n != 3}
    assert sorted(path.name for path in store.folder.iterdir()) == ["1-3.pt", "30-0.pt"]


def test_nothing_is_left_when_all_is_deleted(filled):
    store, database = filled
    annotate(database, "study", 1, lambda former: former.with_tags(["a"]))
    annotate(database, "run-set", 2, lambda former: former.with_tags(["a"]))
    delete_records(database, "study", [1, 2], with_runs=True)
    assert [record.id for record in store.run_sets()] == [2, 3, 4, 5]
    delete_records(database, "run-set", [2, 3, 4, 5], with_runs=False)
    left = {name: count for name, count in counts(database).items() if count}
    assert left == {"deletions": 7}


def test_a_study_whose_result_is_used_is_kept(filled):
    _, database = filled
    before = counts(database)
    with pytest.raises(UsageError, match="the results of study 1 are used by run set 1, whose"):
        delete_records(database, "study", [1], with_runs=False)
    assert counts(database) == before
    deletion = plan_deletion(database, "study", [1], with_runs=True)
    assert (deletion.studies, deletion.run_sets, deletion.runs, deletion.individuals) == ((1,), (1,), 3, 2)
    assert counts(database) == before
    assert delete_records(database, "study", [2], with_runs=False).run_sets == ()


def test_a_deletion_that_fails_deletes_nothing(filled, monkeypatch):
    _, database = filled
    before = counts(database)
    monkeypatch.setattr(managing, "_delete_studies", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        delete_records(database, "study", [1], with_runs=True)
    with pytest.raises(UnknownNameError, match=r"unknown run set '9'. Known: 1, 2, 3, 4, 5\."):
        delete_records(database, "run-set", [1, 9], with_runs=False)
    assert counts(database) == before


def test_the_number_of_a_deleted_record_is_never_used_again(filled):
    store, database = filled
    delete_records(database, "run-set", [4, 5], with_runs=False)
    delete_records(database, "study", [2], with_runs=False)
    assert store.open_run_set(run_set_spec(source="given", steps=7)).id == 6
    assert store.open_run_set(run_set_spec(source="given", steps=8)).id == 7
    assert store.open_study(study_spec(seed=9), fresh=False).id == 3


@pytest.mark.parametrize("kind", ["study", "run-set"])
def test_notes_and_tags_are_kept(kind, filled):
    store, database = filled
    read = store.study if kind == "study" else store.run_set
    annotate(database, kind, 1, lambda former: former.with_tags(["b", "a"]))
    annotate(database, kind, 1, lambda former: former.with_tags(["a", "c"]).without_tags(["b"]))
    assert read(1).annotation.tags == ("a", "c")
    assert read(2).annotation.tags == ()
    with pytest.raises(UnknownNameError, match=r"unknown tag 'b'\. Known: a, c"):
        annotate(database, kind, 1, lambda former: former.without_tags(["b"]))
    with pytest.raises(UnknownNameError, match="unknown"):
        annotate(database, kind, 77, lambda former: former)


@pytest.mark.parametrize("tag", ["", "two words", "a,b", " a", "a\tb"])
def test_a_tag_is_one_word(tag, filled):
    with pytest.raises(UsageError, match="a tag is a word without spaces, commas"):
        annotate(filled[1], "run-set", 1, lambda former: former.with_tags([tag]))
