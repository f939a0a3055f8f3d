"""Stored values that are possible but senseless: they are shown, and never as commands to the terminal."""

import sqlite3
import zlib
from contextlib import closing

import pytest

from tests.cli.runner import Place
from tests.faults import damaged_template as template

READING = (
    ("list", "studies"),
    ("list", "run-sets", "--wide"),
    ("show", "study", "1"),
    ("show", "run-set", "1"),
    ("report",),
    ("report", "-o", "page.html"),
    ("report", "--json"),
    ("plot", "curves", "-o", "curves.png"),
    ("plot", "search", "-o", "search.png"),
    ("compare", "run-set", "1", "2"),
    ("export", "runs"),
    ("watch", "--once"),
)
VALUES = {
    "shortest time": "UPDATE runs SET training_seconds = 5e-324; UPDATE individuals SET seconds = 5e-324",
    "longest time": "UPDATE runs SET training_seconds = 1e308; UPDATE individuals SET seconds = 1e308",
    "both ends": "UPDATE individuals SET fitness = -1e308; UPDATE individuals SET fitness = 1e308 WHERE id % 2",
    "one end": "UPDATE individuals SET fitness = 1.7e308",
    "the other end": "UPDATE individuals SET fitness = -1.7e308",
    "nearly nothing": "UPDATE individuals SET fitness = 5e-324",
    "losses": "UPDATE milestones SET loss = 1e308 WHERE id % 2",
    "control characters": "UPDATE provenances SET host = char(27) || '[31m', command = char(27) || char(10) || 'x'; "
    "UPDATE individuals SET host = char(27), reason = char(27) || '[31m'; UPDATE runs SET reason = char(27) || '[31m'",
}


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    place.database.parent.mkdir()
    place.database.write_bytes(template.fill(tmp_path / "filled.db"))
    return place


def change(place, sql, *arguments):
    with closing(sqlite3.connect(place.database)) as connection:
        if arguments:
            connection.execute(sql, arguments)
        else:
            connection.executescript(sql)
        connection.commit()


@pytest.mark.parametrize("name", VALUES)
def test_extreme_values_are_shown_like_others(name, place, injected):
    change(place, VALUES[name])
    for arguments in READING:
        result = place.run_here(*arguments)
        assert result.code == 0, (arguments, result.stderr)
        assert "Traceback" not in result.stderr, arguments
        assert "\x1b" not in result.stderr, arguments
        assert arguments[0] == "export" or "\x1b" not in result.stdout, arguments
        injected("A stored value that is possible but senseless", "It is shown; no traceback", 1)


@pytest.mark.parametrize("column", ["losses", "clock_steps", "clock_seconds"])
def test_a_blob_does_not_become_larger_than_its_run(column, place, injected):
    change(place, f"UPDATE curves SET {column} = ? WHERE run_id = 1", zlib.compress(bytes(10**8), 9))
    result = place.run_here("export", "curves", "--run-set", "1")
    assert result.code == 0, result.stderr
    assert f"curves 1 (its {column} are damaged: there are more than " in result.stderr
    injected("A compressed value that stands for gigabytes", "The row is named and left out; no memory is taken")
