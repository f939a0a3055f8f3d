"""Files that are no database, or one of another program or version, or a damaged one: a message, and nothing else."""

import gzip
import io
import random
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from lodo_bench.results.schema import SCHEMA_VERSION
from tests.cli.runner import Place
from tests.faults import damaged_template as template

COMMANDS = (
    ("list", "studies"),
    ("list", "run-sets", "--json"),
    ("show", "study", "1"),
    ("report", "--json"),
    ("export", "runs"),
    ("export", "curves"),
    ("watch", "--once"),
    ("note", "study", "1", "a note"),
    ("delete", "run-set", "1", "--yes"),
    ("doctor",),
)
ASSETS = Path(__file__).parents[1] / "results" / "assets"
FORMER = {version: gzip.decompress((ASSETS / f"version{version}.db.gz").read_bytes()) for version in (4, 5, 6)}
PROMISE = "Exit code 0 or 2, a message without a traceback; a file that is not ours is left as it was"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return template.fill(tmp_path_factory.mktemp("filled") / "results.db")


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    place.database.parent.mkdir()
    return place


def database(statements):
    """The file of a database that these statements make."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(statements)
        return connection.serialize()


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("results.db", "nothing")
    return file.getvalue()


FOREIGN = {
    "of another program": database(
        "CREATE TABLE bookmarks (id INTEGER, url TEXT); INSERT INTO bookmarks VALUES (1, 'x')"
    ),
    "of a newer version": database(
        "CREATE TABLE lodo_bench_schema (version INTEGER PRIMARY KEY); INSERT INTO lodo_bench_schema VALUES (99)"
    ),
    "of an ancient version": database(
        "CREATE TABLE lodo_bench_schema (version INTEGER PRIMARY KEY); INSERT INTO lodo_bench_schema VALUES (-1)"
    ),
    "without a version": database("CREATE TABLE lodo_bench_schema (version INTEGER PRIMARY KEY)"),
    "with two versions": database(
        "CREATE TABLE lodo_bench_schema (version INTEGER PRIMARY KEY); INSERT INTO lodo_bench_schema VALUES (6), (7)"
    ),
    "without any table": database(
        "CREATE TABLE lodo_bench_schema (version INTEGER PRIMARY KEY); "
        f"INSERT INTO lodo_bench_schema VALUES ({SCHEMA_VERSION})"
    ),
    "random bytes": random.Random(0).randbytes(20_000),
    "a text": b"losses: 1, 2, 3\n" * 500,
    "an archive": archive(),
    "nothing": b"",
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_no_database_of_this_program_is_refused_and_left_alone(case, place, injected):
    template.put(place.database, FOREIGN[case])
    for arguments in COMMANDS:
        result = place.run_here(*arguments)
        assert result.code == 2 or arguments == ("doctor",), (arguments, result)
        assert "database" in result.stdout + result.stderr, result
    assert place.database.read_bytes() == FOREIGN[case]
    injected("A database that is another file, or of another program or version", PROMISE, len(COMMANDS))


def test_a_directory_is_no_database(place):
    place.database.mkdir()
    for arguments in COMMANDS:
        result = place.run_here(*arguments)
        assert result.code == 2 or arguments == ("doctor",), result
    assert list(place.database.iterdir()) == []


def broken(content, rng):
    """A file after an accident of a disk or a copy."""
    data = bytearray(content)
    match rng.randrange(4):
        case 0:
            del data[rng.randrange(len(data)) :]
        case 1:
            for _ in range(rng.randint(1, 20)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        case 2:
            page = 4096 * rng.randrange(len(data) // 4096)
            data[page : page + 4096] = bytes(4096)
        case _:
            start, end = sorted(rng.randrange(len(data)) for _ in range(2))
            data[start:end] = rng.randbytes(end - start)
    return bytes(data)


def test_a_damaged_file_ends_in_a_message(content, place, cases, injected):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    count = max(10, cases // 5)
    for _ in range(count):
        template.put(place.database, broken(content, rng))
        arguments = rng.choice(COMMANDS)
        result = place.run_here(*arguments)
        assert result.code in (0, 2, 3), (seed, arguments, result)
    injected("A database cut short, with other bytes or lost pages", PROMISE, count)


@pytest.mark.parametrize("version", FORMER)
def test_an_older_database_with_damage_is_upgraded_and_the_rest_is_read(version, place, cases, injected):
    every = [
        (table, column, value)
        for table, column in (("studies", "spec"), ("run_sets", "spec"), ("runs", "status"), ("curves", "losses"))
        for value in ("null", "{", '{"task": 5}', b"\x00\xff")
    ]
    chosen = every if cases > 100 else every[::5]  # each column and each value once
    for table, column, value in chosen:
        template.put(place.database, FORMER[version])
        template.damage(place.database, table, column, value)
        results = [place.run_here(*arguments) for arguments in COMMANDS[:6]]
        assert all(result.code in (0, 2) for result in results), (table, column, value, results)
        assert "Upgraded the database" in results[0].stderr
        assert "damaged" in "".join(result.stderr for result in results), (table, column, value)
    injected("A damaged value in a database of an older version", PROMISE, len(chosen))


def test_an_older_database_with_a_dangling_reference_is_upgraded(place):
    template.put(place.database, FORMER[4])
    place.change("UPDATE generations SET study_id = 999 WHERE id = 1")
    result = place.run_here("list", "studies")
    assert result.code == 0 and "generations 1 (its study_id is none of the studies)" in result.message
