"""Databases on a server: drivers, passwords, encodings, permissions, upgrades."""

import sys
import threading
from dataclasses import replace

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import MetaData, create_engine, event, func, make_url, select, text

from lodo_bench.doctor.storage import check_database
from lodo_bench.errors import DatabaseError, Remedy
from lodo_bench.results import postgresql
from lodo_bench.results.database import Database
from lodo_bench.results.migrations import version8
from lodo_bench.results.schema import SCHEMA_VERSION, StudyRow
from lodo_bench.results.store import Store
from tests.builders import curve, generation, individual, provenance, run, run_set_spec, study_spec
from tests.results.filled import fill
from tests.results.test_migrations import CONTENTS

SECRET = "s3cr3t"


@pytest.fixture
def url(server):
    with server.database() as url:
        yield url


def opened(url, **changes):
    return Database(url, create=True, **changes)


def test_a_driver_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        with pytest.raises(DatabaseError, match=r"no driver .*pip install 'lodo-bench\[postgres\]'\.$"):
            Database(f"{scheme}://me:{SECRET}@server/results", create=True)
    (finding,) = check_database(f"postgresql://me:{SECRET}@server/results")
    assert (finding.state, finding.remedy) == ("problem", "pip install 'lodo-bench[postgres]'")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_url_need_not_name_the_driver(url, scheme):
    database = opened(url.replace("postgresql+psycopg", scheme))
    assert Store(database).studies() == []
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://nobody:{SECRET}@/postgres?host=SOCKET",
        f"postgresql://lodo:{SECRET}@/none?host=SOCKET",
        f"postgresql://lodo@/none?host=SOCKET&password={SECRET}",
        f"postgresql://lodo:{SECRET}@/none?host=/nowhere",
        f"postgresql://lodo:{SECRET}@127.0.0.1:1/none",
        f"postgresql://lodo:{SECRET}@127.0.0.1:port/none",
        f"postgresql://lodo:{SECRET}@{SECRET}@127.0.0.1:1/none",
        f"postgresql://lodo:{SECRET}@/none?host=SOCKET&no_such_setting=1",
    ],
)
def test_what_cannot_be_reached_is_told_in_one_line_without_the_password(server, url):
    url = url.replace("SOCKET", str(make_url(server.url("none")).query["host"]))
    with pytest.raises(DatabaseError) as caught:
        Database(url, create=True)
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)
    (finding,) = check_database(url)
    assert finding.state == "problem"
    assert SECRET not in finding.text and "\n" not in finding.text


def test_a_database_that_cannot_store_every_character_is_refused(server):
    with server.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0") as url:
        with pytest.raises(DatabaseError, match=r"has the encoding LATIN1.*createdb --encoding UTF8"):
            opened(url)
        (finding,) = check_database(url)
        assert finding.state == "problem"


def test_a_database_without_an_encoding_stores_every_character(server):
    with server.database("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0") as url:
        database = opened(url)
        store = Store(database, provenance(host="Ω und ü"))
        number = store.open_run_set(run_set_spec()).id
        store.add_run(number, run(0, reason="½ 𝔘"), curve())
        assert (store.run_set(number).runs[0].reason, store.run_set(number).provenances[0].host) == ("½ 𝔘", "Ω und ü")
        database.close()


@pytest.mark.parametrize("reason", ["\0", "a\0b\0", "\udcff is no UTF-8", "\ufdd0", "\ufdd00000", "\ufdd0\0"])
def test_texts_of_any_characters_come_back(location, reason):
    database = opened(location)
    store = Store(database, provenance(command=reason))
    study = store.open_study(study_spec(), fresh=False).id
    store.add_generation(study, generation())
    store.add_individuals({study: [individual(0, reason=reason, host=reason)]})
    assert store.study(study).individuals == (individual(0, reason=reason, host=reason),)
    assert store.provenances(study)[0].command == reason
    database.close()


def test_a_database_of_another_program_is_left_alone(server, url):
    name = make_url(url).database
    server.execute("CREATE TABLE songs (title text)", database=name)
    for create in (True, False):
        with pytest.raises(DatabaseError, match="is a database of another program"):
            Database(url, create=create)
    assert server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name) == [("songs",)]


def test_an_empty_or_newer_one_is_refused(server, url):
    with pytest.raises(DatabaseError, match="is empty"):
        Database(url, create=False)
    opened(url).close()
    server.execute("UPDATE lodo_bench_schema SET version = 99", database=make_url(url).database)
    with pytest.raises(DatabaseError, match="was written by a newer lodo-bench") as caught:
        Database(url, create=False)
    assert caught.value.remedy == Remedy.UPGRADE_PROGRAM


def test_a_user_who_may_only_read_reads_and_is_told_when_writing(server, url):
    fill(url)[1].close()
    name = make_url(url).database
    server.execute("CREATE ROLE reader LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database=name)
    try:
        as_reader = url.replace("lodo@", "reader@")
        database = Database(as_reader, create=False)
        assert len(Store(database).run_sets()) == 5
        with pytest.raises(DatabaseError, match=r"cannot be written: the user may not \(permission denied for"):
            Store(database, provenance()).open_study(study_spec(seed=7), fresh=True)
        assert len(Store(database).study_summaries()) == 2
        database.close()
        assert "warning" in [finding.state for finding in check_database(as_reader)]
        assert [finding.state for finding in check_database(url)] == ["ok"]
    finally:
        server.execute("DROP OWNED BY reader", "DROP ROLE reader", database=name)


def test_a_server_that_takes_no_changes_says_so(server, url):
    fill(url)[1].close()
    name = make_url(url).database
    server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    database = Database(url, create=False)
    with pytest.raises(DatabaseError, match="the server takes no changes"):
        Store(database, provenance()).open_study(study_spec(seed=7), fresh=True)
    assert len(Store(database).run_sets()) == 5
    database.close()


def test_a_reader_sees_one_moment(location):
    writer, reader = opened(location), opened(location)
    store = Store(writer, provenance())
    store.open_study(study_spec(), fresh=True)
    count = select(func.count()).select_from(StudyRow)
    with reader.reading() as session:
        assert session.scalar(count) == 1
        store.open_study(study_spec(), fresh=True)
        assert session.scalar(count) == 1
    with reader.reading() as session:
        assert session.scalar(count) == 2
    writer.close()
    reader.close()


def at_once(count, work):
    """Do something in several threads at the same moment; the results, and what went wrong."""
    barrier, found = threading.Barrier(count), []

    def one(number):
        barrier.wait(60)
        try:
            found.append(work(number))
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_several_open_a_new_database_and_the_same_study_at_once(location):
    def work(_number):
        database = Database(location, create=True)
        found = Store(database).open_study(study_spec(), fresh=False).id
        database.close()
        return found

    assert at_once(4, work) == [1] * 4


def test_a_writer_that_waits_too_long_says_for_what(url, monkeypatch):
    monkeypatch.setattr(postgresql, "_BUSY_SECONDS", 1)
    first, second = opened(url), opened(url)
    with first.writing() as session:
        session.scalar(select(func.count()).select_from(StudyRow))
        with pytest.raises(DatabaseError, match="another process has been writing to it for 1 s"):
            Store(second).open_study(study_spec(), fresh=True)
    Store(second).open_study(study_spec(), fresh=True)
    first.close()
    second.close()


def test_an_error_in_a_transaction_leaves_the_next_ones_as_they_are(location):
    database = opened(location)
    store = Store(database, provenance())
    study = store.open_study(study_spec(), fresh=True).id
    store.add_generation(study, generation())
    store.add_individuals({study: [individual(0)]})
    with pytest.raises(DatabaseError), database.writing() as session:
        session.execute(text("SELECT * FROM songs"))
    with pytest.raises(DatabaseError):
        store.add_individuals({study: [individual(0)]})
    store.add_individuals({study: [individual(1)]})
    assert len(store.study(study).individuals) == 2
    database.close()


def copy_to(url, content, path):
    """Fill a database on a server with what a file of a former version holds."""
    path.write_bytes(content)
    source, target, metadata = create_engine(f"sqlite:///{path}"), create_engine(url), MetaData()
    event.listen(metadata, "column_reflect", lambda _i, _t, column: column.update(type=column["type"].as_generic()))
    metadata.reflect(source)
    with source.connect() as reading, target.begin() as writing:
        metadata.create_all(writing)
        for table in metadata.sorted_tables:
            if rows := [dict(row._mapping) for row in reading.execute(table.select())]:
                writing.execute(table.insert(), rows)
            if "id" in table.c:
                last = f"(SELECT max(id) FROM {table.name})"
                sequence = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {last})"
                writing.execute(text(sequence))
        if writing.scalar(text("SELECT version FROM lodo_bench_schema")) >= 8:
            version8.upgrade(Operations(MigrationContext.configure(writing)))  # a file does not tell 64 bits
    source.dispose()
    target.dispose()


def columns(server, url):
    rows = server.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY 1, 2",
        database=make_url(url).database,
    )
    return [(*row[:2], row[2].replace("double precision", "real"), row[3]) for row in rows]


@pytest.mark.parametrize("version", CONTENTS)
def test_former_versions_are_upgraded_as_files_are(server, url, tmp_path, version):
    copy_to(url, CONTENTS[version], tmp_path / "results.db")
    notices = []
    first, again = opened(url, on_notice=notices.append), opened(url, on_notice=notices.append)
    assert notices == [f"Upgraded the database '{url}' from schema version {version} to {SCHEMA_VERSION}."]
    file = Database(str(tmp_path / "results.db"), create=True)
    stores = [Store(each, provenance()) for each in (first, file)]
    for read in (Store.studies, Store.run_sets):
        found, expected = map(read, stores)
        assert repr(found) == repr(expected) != "[]"
    for store in stores:
        number = store.open_run_set(run_set_spec(first_seed=2**40)).id
        store.add_run(number, run(2**40, steps=2**41, evaluations=2**42), curve())
        assert store.run_set(number).runs[0].steps == 2**41
    with server.database() as new:
        opened(new).close()
        assert columns(server, url) == columns(server, new)
    for database in (first, again, file):
        database.close()


def test_an_upgrade_that_fails_leaves_it_as_it_was(server, url, tmp_path, monkeypatch):
    from lodo_bench.results import migrations

    copy_to(url, CONTENTS[3], tmp_path / "results.db")
    before = columns(server, url)
    with monkeypatch.context() as changed:
        changed.setitem(migrations._STEPS, SCHEMA_VERSION, lambda _operations: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            opened(url)
    assert columns(server, url) == before
    opened(url).close()


def test_results_are_those_of_a_file(url, tmp_path):
    here, there = fill(tmp_path / "results.db"), fill(url)
    for read in (Store.studies, Store.run_sets, Store.study_summaries):
        found, expected = ([replace(record, created="") for record in read(store)] for store, _ in (there, here))
        assert repr(found).replace(there[0].run_set(1).provenances[0].ended, "") == repr(expected).replace(
            here[0].run_set(1).provenances[0].ended, ""
        )
    for _, database in (here, there):
        database.close()
