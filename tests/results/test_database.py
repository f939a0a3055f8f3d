"""Which databases are opened, which are refused and left as they were, and who may write at the same time."""

import gc
import multiprocessing
import re
import sqlite3
import threading
from concurrent.futures import ProcessPoolExecutor
from weakref import WeakSet

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine import Engine

from lodo_bench.errors import DatabaseError, DatabaseNotFoundError, Remedy
from lodo_bench.results.database import Database
from lodo_bench.results.schema import OLDEST_VERSION, SCHEMA_VERSION, Base
from lodo_bench.results.store import Store
from tests.builders import curve, provenance, run, run_set_spec, study_spec

REMEDY = r"Choose another database\."
WRITABLE = r"Choose a writable database\."
BOTH = pytest.mark.parametrize("create", [True, False])


@pytest.fixture
def opened():
    """Opens databases and closes them at the end."""
    databases = []

    def open_one(location, *, create):
        databases.append(Database(str(location), create=create))
        return databases[-1]

    yield open_one
    for database in databases:
        database.close()


def pragma(database, name):
    with database.writing() as session:
        return session.scalar(text(f"PRAGMA {name}"))


def tables(path):
    connection = sqlite3.connect(path)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def execute(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_database_has_all_tables_and_the_version(tmp_path, opened):
    path = tmp_path / "results.db"
    opened(path, create=True).close()
    assert tables(path) == set(Base.metadata.tables)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version FROM lodo_bench_schema").fetchall() == [(SCHEMA_VERSION,)]
    connection.close()


def test_missing_folders_are_made(tmp_path, opened):
    path = tmp_path / "some" / "where" / "results.db"
    opened(path, create=True)
    assert path.is_file()


@BOTH
def test_what_was_written_is_there_when_reopened(tmp_path, create):
    path = tmp_path / "results.db"
    first = Database(str(path), create=True)
    Store(first).open_study(study_spec(), fresh=False)
    first.close()
    again = Database(str(path), create=create)
    assert [study.spec for study in Store(again).studies()] == [study_spec()]
    again.close()


@pytest.mark.parametrize("name", ["results.db", "no/such/folder/results.db"])
def test_reading_a_missing_file_says_how_to_fill_one_and_makes_nothing(tmp_path, name):
    path = str(tmp_path / name)
    with pytest.raises(DatabaseNotFoundError, match=re.escape(f"no database at '{path}'")) as caught:
        Database(path, create=False)
    assert caught.value.remedy == Remedy.FILL_DATABASE
    assert names(tmp_path) == []


def test_reading_a_missing_file_by_its_url_makes_nothing(tmp_path):
    with pytest.raises(DatabaseNotFoundError, match="no database at"):
        Database(f"sqlite:///{tmp_path}/results.db", create=False)
    assert names(tmp_path) == []


@BOTH
def test_a_database_of_something_else_is_refused(tmp_path, create):
    path = tmp_path / "foreign.db"
    execute(path, "CREATE TABLE songs (title)", "INSERT INTO songs VALUES ('Lodo')")
    with pytest.raises(DatabaseError, match=f"'{re.escape(str(path))}' is a database of another program.*{REMEDY}"):
        Database(str(path), create=create)
    assert tables(path) == {"songs"}


@BOTH
def test_a_database_of_something_else_is_left_as_it_was(tmp_path, create):
    path = tmp_path / "foreign.db"
    execute(path, "CREATE TABLE songs (title)", "INSERT INTO songs VALUES ('Lodo')")
    before = path.read_bytes()
    with pytest.raises(DatabaseError):
        Database(str(path), create=create)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["foreign.db"]


@BOTH
@pytest.mark.parametrize("content", [b"no database", b"not a database, but longer than a page\n" * 1000])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path, content, create):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match=f"{re.escape(str(path))}.*not a database.*{WRITABLE}"):
        Database(str(path), create=create)
    assert path.read_bytes() == content
    assert names(tmp_path) == ["notes.txt"]


def test_an_empty_file_becomes_a_database(tmp_path, opened):
    path = tmp_path / "results.db"
    path.touch()
    opened(path, create=True)
    assert tables(path) == set(Base.metadata.tables)


def test_reading_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "results.db"
    path.touch()
    with pytest.raises(DatabaseError, match=f"'{re.escape(str(path))}' is empty.*{REMEDY}"):
        Database(str(path), create=False)


def test_reading_an_empty_file_leaves_it_empty(tmp_path):
    path = tmp_path / "results.db"
    path.touch()
    with pytest.raises(DatabaseError):
        Database(str(path), create=False)
    assert path.read_bytes() == b""


@BOTH
@pytest.mark.parametrize(
    ("version", "message", "remedy"),
    [
        (SCHEMA_VERSION + 1, "was written by a newer lodo-bench", Remedy.UPGRADE_PROGRAM),
        (OLDEST_VERSION - 1, f"reads {OLDEST_VERSION} to {SCHEMA_VERSION}", Remedy.USE_FORMER_PROGRAM),
    ],
)
def test_another_schema_version_is_refused_and_left_as_it_was(tmp_path, version, message, remedy, create):
    path = tmp_path / "results.db"
    Database(str(path), create=True).close()
    execute(path, f"UPDATE lodo_bench_schema SET version = {version}")
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match=message) as caught:
        Database(str(path), create=create)
    assert f"schema version {'is ' if version > SCHEMA_VERSION else ''}{version}" in str(caught.value)
    assert caught.value.remedy == remedy
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["results.db", "deeper/results.db"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("a file, not a folder")
    path = str(tmp_path / "file" / name)
    with pytest.raises(DatabaseError, match=f"'{re.escape(path)}' cannot be created.*{WRITABLE}"):
        Database(path, create=True)
    assert names(tmp_path) == ["file"]


@BOTH
def test_a_folder_is_no_database(tmp_path, create):
    with pytest.raises(DatabaseError, match=f"'{re.escape(str(tmp_path))}' cannot be used.*{WRITABLE}"):
        Database(str(tmp_path), create=create)
    assert names(tmp_path) == []


def test_a_url_of_a_folder_that_is_not_there_makes_it(tmp_path, opened):
    opened(f"sqlite:///{tmp_path}/none/results.db", create=True)
    assert tables(tmp_path / "none" / "results.db") >= {"lodo_bench_schema"}


def test_a_bad_url_is_refused():
    with pytest.raises(DatabaseError, match=r"'://results' is not a database URL"):
        Database("://results", create=True)


@pytest.mark.parametrize("url", ["postgresql://host:port/results", "sqlite://results.db"])
def test_a_url_that_is_bad_in_its_parts_is_refused(url):
    with pytest.raises(DatabaseError, match=re.escape(url)):
        Database(url, create=True)


@pytest.mark.parametrize("driver", ["nosuch", "sqlite+nosuch"])
def test_an_unknown_driver_is_named(driver):
    with pytest.raises(DatabaseError, match=rf"no driver for the database '{re.escape(driver)}'.*pip"):
        Database(f"{driver}:///results.db", create=True)


def test_a_password_is_not_shown():
    with pytest.raises(DatabaseError) as caught:
        Database("nosuch://user:secret@host/results", create=True)
    assert "secret" not in str(caught.value)


def test_a_sqlite_url_names_a_file(tmp_path, opened):
    url = f"sqlite:///{tmp_path}/results.db"
    Store(opened(url, create=True)).open_study(study_spec(), fresh=False)
    for location in (url, tmp_path / "results.db"):
        assert len(Store(opened(location, create=False)).studies()) == 1


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_keeps_what_is_written_while_it_is_open(opened, url):
    store = Store(opened(url, create=True))
    store.open_study(study_spec(), fresh=False)
    assert len(store.studies()) == 1
    assert Store(opened(url, create=True)).studies() == []


def test_readers_can_read_while_somebody_writes(tmp_path, opened):
    path = tmp_path / "results.db"
    writer = opened(path, create=True)
    assert pragma(writer, "journal_mode") == "wal"
    assert pragma(opened(f"sqlite:///{path}", create=False), "journal_mode") == "wal"
    with writer.writing() as session:
        session.execute(text("UPDATE lodo_bench_schema SET version = 7"))
        assert Store(opened(path, create=False)).studies() == []
        session.rollback()


def test_foreign_keys_are_checked(opened):
    database = opened("sqlite://", create=True)
    assert pragma(database, "foreign_keys") == 1
    with pytest.raises(DatabaseError), database.writing() as session:
        session.execute(text("INSERT INTO curves VALUES (5, '', '', '')"))


def test_a_transaction_that_raises_is_rolled_back(opened):
    database = opened("sqlite://", create=True)
    with pytest.raises(KeyboardInterrupt), database.writing() as session:
        session.execute(text("UPDATE lodo_bench_schema SET version = 7"))
        raise KeyboardInterrupt
    with database.writing() as session:
        assert session.scalar(text("SELECT version FROM lodo_bench_schema")) == SCHEMA_VERSION


def test_a_table_that_has_gone_is_a_database_error(opened):
    database = opened("sqlite://", create=True)
    with pytest.raises(DatabaseError, match=f"no such table: songs.*{WRITABLE}"), database.writing() as session:
        session.execute(text("SELECT * FROM songs"))


def test_a_writer_waits_for_another(tmp_path, opened):
    path = tmp_path / "results.db"
    store = Store(opened(path, create=True), provenance())
    number = store.open_run_set(run_set_spec()).id
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    begun, errors = threading.Event(), []

    def writing(_connection, _cursor, statement, *_):
        if statement.startswith("BEGIN"):
            begun.set()

    def write():
        try:
            store.add_run(number, run(), curve())
        except DatabaseError as error:
            errors.append(error)

    event.listen(Engine, "before_cursor_execute", writing)
    try:
        thread = threading.Thread(target=write)
        thread.start()
        assert begun.wait(60)
        thread.join(0.2)
        assert errors == []
        assert Store(opened(path, create=False)).run_set(number).runs == ()
        other.rollback()
        thread.join()
    finally:
        event.remove(Engine, "before_cursor_execute", writing)
        other.close()
    assert errors == []
    assert [found.seed for found in store.run_set(number).runs] == [0]


barrier = None


def meet_at(shared):
    global barrier
    barrier = shared


def open_each(paths):
    """Open new databases, each at the same moment as the other process; returns what went wrong."""
    errors = []
    for path in paths:
        barrier.wait(60)
        try:
            Database(path, create=True).close()
        except Exception as error:
            errors.append(str(error))
    return errors


def write_runs(path, optimizer, count):
    """Add runs one by one, beside another process that does the same."""
    database = Database(path, create=False)
    store = Store(database, provenance(host=optimizer))
    opened = store.open_run_set(run_set_spec(optimizer, num_seeds=count))
    barrier.wait(60)
    for seed in opened.missing_seeds:
        store.add_run(opened.id, run(seed), curve())
    database.close()
    return opened.id


@pytest.fixture(scope="module")
def two_processes():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, meet_at, (context.Barrier(2),)) as pool:
        yield pool


def test_two_processes_open_a_new_database_at_the_same_moment(tmp_path, two_processes):
    paths = [str(tmp_path / f"{number}.db") for number in range(10)]
    found = [two_processes.submit(open_each, paths) for _ in range(2)]
    assert [future.result() for future in found] == [[], []]


def test_two_processes_write_to_the_same_database(tmp_path, two_processes, opened):
    path = tmp_path / "results.db"
    store = Store(opened(path, create=True))
    found = [two_processes.submit(write_runs, str(path), optimizer, 20) for optimizer in ("adam", "lodo")]
    for optimizer, future in zip(("adam", "lodo"), found, strict=True):
        stored = store.run_set(future.result())
        assert [written.seed for written in stored.runs] == list(range(20))
        assert {where.host for where in stored.provenances} == {optimizer}


def test_its_files_lie_beside_it(tmp_path, opened):
    path = tmp_path / "results.db"
    assert opened(path, create=True).folder == tmp_path / "results.db.checkpoints"
    assert opened(f"sqlite:///{path}", create=True).folder == tmp_path / "results.db.checkpoints"


@pytest.mark.parametrize("location", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_has_no_files(opened, location):
    assert opened(location, create=True).folder is None


def test_the_files_of_a_database_on_a_server_lie_in_the_cache(opened, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    database = opened("sqlite://", create=True)
    folders = set()
    for name in ("one", "two"):
        url = make_url(f"postgresql://me:secret@server/{name}")
        monkeypatch.setattr(database, "_url", url)
        folders.add(database.folder)
        assert "secret" not in str(database.folder)
    assert len(folders) == 2
    assert {folder.parent.name for folder in folders} == {"lodo-bench"}


def test_a_closed_database_leaves_nothing_in_memory_once_another_is_opened(tmp_path):
    """Not even what was compiled to write to them."""

    def dialects():
        return WeakSet(item for item in gc.get_objects() if issubclass(type(item), SQLiteDialect))

    def open_one(name):
        database = Database(str(tmp_path / name), create=True)
        Store(database).open_run_set(run_set_spec())
        database.close()

    others = dialects()
    open_one("1.db")
    closed = dialects() - others
    assert closed
    open_one("2.db")
    gc.collect()
    assert not closed
