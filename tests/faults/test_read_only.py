"""Results that cannot be written can be read: on a read-only mount, in a colleague's folder, in an archive."""

import gc
import gzip
import shutil
import sqlite3
import tempfile
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from lodo_bench.doctor.storage import check_database
from lodo_bench.errors import DatabaseError, NotStoredError, Remedy
from lodo_bench.results import readable_file
from lodo_bench.results.changes import ChangeDetector
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.training import OptimizerSpec
from tests.builders import provenance, study_spec
from tests.cli.runner import Place
from tests.faults.sealing import as_nobody, no_permission, read_only_mount
from tests.results.filled import fill

ASSETS = Path(__file__).parents[1] / "results" / "assets"
READING = (
    ("list", "run-sets", "--json"),
    ("show", "run-set", 1, "--json"),
    ("report", "--json"),
    ("list", "studies", "--json"),
    ("show", "study", 1, "--json"),
    ("export", "runs", "--json"),
    ("compare", "run-set", 1, 2, "--json"),
    ("watch", "--once", "--json"),
)
WRITING = (("note", "run-set", 1, "text"), ("tag", "run-set", 1, "new"), ("delete", "run-set", 1, "--yes"))
SEALS = {"a read-only mount": read_only_mount, "a folder without permission to write": no_permission}


@pytest.fixture
def folder():
    """A folder that every user can reach, as those of pytest are not."""
    folder = Path(tempfile.mkdtemp(prefix="read-only-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(folder):
    place = Place(folder)
    place.temporary.chmod(0o777)
    place.database.parent.mkdir()
    return place


@pytest.fixture(params=SEALS)
def seal(request):
    return request.param, SEALS[request.param]


def write(path, journal="wal"):
    """A database with the last study in the write-ahead log, or the rollback journal, if there is one; not closed."""
    _, database = fill(path)
    database.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("INSERT INTO run_set_annotations VALUES (1, 'the latest', '[]')")
    return connection


def clean(path):
    write(path).close()


def in_use(path):
    return write(path)


def left_by_a_crash(path):
    """With a write-ahead log, but without its index."""
    with closing(write(path.with_name("origin.db"))):
        for suffix in ("", "-wal"):
            shutil.copy(f"{path.with_name('origin.db')}{suffix}", f"{path}{suffix}")


def with_empty_log(path):
    clean(path)
    Path(f"{path}-wal").touch()
    Path(f"{path}-shm").touch()


def without_log(path):
    write(path, "delete").close()


def half_written(path):
    """With a rollback journal of a transaction that a crash has interrupted; without it, the content would be wrong."""
    origin = path.with_name("origin.db")
    with closing(write(origin, "delete")) as connection:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("PRAGMA cache_spill=1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE run_sets SET spec = hex(randomblob(100000))")
        connection.execute("UPDATE studies SET spec = hex(randomblob(100000))")
        for suffix in ("", "-journal"):
            shutil.copy(f"{origin}{suffix}", f"{path}{suffix}")
        connection.execute("ROLLBACK")


STATES = {
    "closed": clean,
    "open in another process": in_use,
    "left by a crash": left_by_a_crash,
    "with an empty log": with_empty_log,
    "without write-ahead logging": without_log,
    "half-written by a crash": half_written,
}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def reading(place, commands, **environment):
    results = [place.run_here(*command, **environment) for command in commands]
    assert [result.stderr for result in results if result.code] == []
    return [result.document for result in results]


def without_ages(documents):
    for document in documents:
        for activity in document.get("activities", ()):
            activity.pop("seconds_since_update")
    return documents


@pytest.mark.parametrize("state", STATES)
def test_what_cannot_be_written_is_read(place, seal, state, injected):
    """As much as from a copy that can be written, and nothing is changed or left behind."""
    name, sealed = seal
    commands = READING if state == "closed" else READING[:2]
    copy = place.directory / "copy"
    with STATES[state](place.database) or nullcontext():
        shutil.copytree(place.database.parent, copy)
        expected = reading(place, commands, LODO_BENCH_DB=copy / place.database.name)
        assert '"the latest"' in str(expected).replace("'", '"')
        before = contents(place.database.parent)
        with sealed(place.database.parent):
            found = reading(place, commands)
        assert without_ages(found) == without_ages(expected)
        assert contents(place.database.parent) == before
    gc.collect()
    assert list(place.temporary.glob("lodo-bench-*")) == []
    injected(f"results in {name}, {state}", "every command that reads shows all of them", len(commands))


def test_what_cannot_be_written_is_not_changed(place, seal, injected):
    name, sealed = seal
    clean(place.database)
    before = contents(place.database.parent)
    with sealed(place.database.parent):
        for command in WRITING:
            result = place.run_here(*command)
            assert (result.code, result.stdout) == (2, "")
            assert "results.db' cannot be written" in result.message
            assert "Choose a writable database" in result.message
        with pytest.raises(NotStoredError, match="cannot be written"):
            Store(Database(str(place.database), create=True)).open_study(study_spec(), fresh=True)
    assert contents(place.database.parent) == before
    injected(
        f"commands that write, on results in {name}", "one message, exit code 2, nothing changed", len(WRITING) + 1
    )


@pytest.mark.parametrize("version", [3, 6])
def test_an_older_version_is_upgraded_in_a_copy(place, seal, version, injected):
    name, sealed = seal
    place.database.write_bytes(gzip.decompress((ASSETS / f"version{version}.db.gz").read_bytes()))
    before = contents(place.database.parent)
    upgraded = place.directory / "upgraded.db"
    shutil.copy(place.database, upgraded)
    expected = reading(place, READING[:2], LODO_BENCH_DB=upgraded)
    with sealed(place.database.parent):
        result = place.run_here(*READING[0])
        assert f"has schema version {version} and cannot be written: it stays as it is" in result.message
        assert reading(place, READING[:2]) == expected
        assert place.run_here(*WRITING[0]).code == 2
    assert contents(place.database.parent) == before
    gc.collect()
    assert list(place.temporary.glob("lodo-bench-*")) == []
    injected(f"results of an older version in {name}", "every command that reads shows all of them", 2)


def test_the_doctor_says_that_it_cannot_be_written(place, seal):
    clean(place.database)
    with seal[1](place.database.parent):
        findings = [finding.text for finding in check_database(str(place.database))]
    assert "can be read: schema version" in findings[0]
    assert f"{place.database} cannot be written" in findings


def add_study(path, seed):
    with closing(Database(str(path), create=True)) as database:
        Store(database, provenance()).open_study(study_spec(optimizer=OptimizerSpec("adam"), seed=seed), fresh=True)


def checkpoint(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture
def mounted(place):
    """A database and its read-only view, as another machine has of a shared disk."""
    clean(place.database)
    view = place.directory / "view"
    view.mkdir()
    with read_only_mount(place.database.parent, view):
        yield place.database, view / place.database.name


def test_what_is_written_elsewhere_is_seen(mounted, cases, injected):
    path, view = mounted
    times = max(2, cases // 50)
    detector = ChangeDetector(str(view))
    versions = {detector.version()}
    with closing(Database(str(view), create=False)) as database:
        store = Store(database)
        assert len(store.studies()) == 2
        for number in range(times):
            add_study(path, 10 + number)
            assert len(store.study_summaries()) == 3 + number
            versions.add(detector.version())
    detector.close()
    assert len(versions) == 1 + times
    fault = "results on a read-only mount, to which another machine writes"
    injected(fault, "what is read is complete, of one moment, and as new as it can be", times)


def test_a_mix_of_two_moments_is_never_shown(mounted, injected):
    path, view = mounted
    with closing(Database(str(view), create=False)) as database:
        with (
            pytest.raises(DatabaseError, match=r"another process has written to .* while it was read"),
            database.reading(),
        ):
            add_study(path, 10)
            checkpoint(path)
        assert len(Store(database).studies()) == 3
    fault = "results on a read-only mount, to which another machine writes"
    injected(fault, "what is read is complete, of one moment, and as new as it can be")


def test_nothing_is_left_out_where_no_copy_can_be_made(place, seal, monkeypatch, injected):
    left_by_a_crash(place.database)
    monkeypatch.setattr(readable_file, "_LAST_RESORT", "/none")
    monkeypatch.setattr("tempfile.tempdir", str(place.database.parent))
    with seal[1](place.database.parent), pytest.raises(DatabaseError, match="only as a temporary copy") as caught:
        Database(str(place.database), create=False)
    assert caught.value.remedy == Remedy.COPY_DATABASE
    injected("a log of a crash that can be neither read in place nor copied", "refused with the reason, not left out")


def test_a_log_that_cannot_be_read_is_not_left_out(place, injected):
    left_by_a_crash(place.database)
    hidden = {f"{place.database.name}-wal": 0}
    with no_permission(place.database.parent, hidden), pytest.raises(DatabaseError, match="a part of the results, can"):
        Database(str(place.database), create=False)
    injected("a log of a crash that can be neither read in place nor copied", "refused with the reason, not left out")


def test_a_reader_creates_nothing_beside_a_file_of_another_user(place, injected):
    """Files that it would own keep the owner of the database from writing to it."""
    clean(place.database)
    place.database.chmod(0o444)
    place.database.parent.chmod(0o777)
    before = contents(place.database.parent)
    with as_nobody(), closing(Database(str(place.database), create=False)) as database:
        assert len(Store(database).studies()) == 2
        assert sorted(path.name for path in place.database.parent.iterdir()) == ["results.db"]
    assert contents(place.database.parent) == before
    injected("a colleague's file in a folder that everybody can write to", "nothing is created beside it")


def test_everything_is_read_only(place, seal, injected):
    name, sealed = seal
    clean(place.database)
    expected = reading(place, READING[:2])
    with sealed(place.directory):
        assert reading(place, READING[:2]) == expected
        result = place.run_here("export", "runs", "--output", "runs.csv")
        assert (result.code, "cannot write 'runs.csv'" in result.message) == (2, True)
        assert place.run_here("init").code == 2
    injected(f"home, working directory, TMPDIR and results in {name}", "what can be read is read; else one message", 4)
