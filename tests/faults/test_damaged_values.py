"""Every column of every table with values that it must not have: the row is named, left out, and the rest is shown."""

import random
import re
import sqlite3
from contextlib import closing
from itertools import product

import pytest

from tests.cli.runner import Place
from tests.faults import damaged_template as template

READING = (
    ("list", "studies", "--wide"),
    ("list", "run-sets", "--json"),
    ("show", "study", "1"),
    ("show", "study", "3", "--json"),
    ("show", "run-set", "1"),
    ("show", "run-set", "1", "--json"),
    ("report", "--target", "2"),
    ("report", "--json", "--at", "100"),
    ("report", "-o", "page.html"),
    ("plot", "curves", "-o", "curves.svg", "--json"),
    ("plot", "search", "-o", "search.svg", "--json", "--optimizer", "adam"),
    ("export", "runs"),
    ("export", "individuals", "--json"),
    ("export", "curves"),
    ("export", "metrics"),
    ("compare", "run-set", "1", "2"),
    ("watch", "--once", "--json"),
)
CHANGING = (
    ("note", "study", "1", "another"),
    ("note", "run-set", "1", "another"),
    ("tag", "run-set", "1", "more"),
    ("tag", "study", "1", "more"),
    ("delete", "run-set", "1", "--yes"),
    ("delete", "study", "1", "--with-runs", "--yes"),
    ("doctor",),
)
FAULT = "A stored value that is damaged (every column of every table), then every reading command"
PROMISE = "No traceback; the row is named and left out; no other output without a notice"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return template.fill(tmp_path_factory.mktemp("filled") / "results.db")


@pytest.fixture(scope="module")
def module_place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("place"))
    place.database.parent.mkdir()
    return place


@pytest.fixture(scope="module")
def sound(content, module_place):
    """The output of each command at the sound database."""
    template.put(module_place.database, content)
    found = {arguments: module_place.run_here(*arguments) for arguments in READING}
    for arguments, result in found.items():
        assert (result.code, "damaged" in result.stderr) == (0, False), (arguments, result)
    return found


def _steady(result):
    """The output without what the time of the look changes."""
    return re.sub(r'"(per_second|seconds_left|seconds_since_update)": .*', "", result.stdout)


def read(place, arguments, sound, case):
    result = place.run_here(*arguments)
    assert result.code in (0, 2, 3), (case, arguments, result)
    assert "Traceback" not in result.stderr, (case, arguments)
    if result.code == 0 and _steady(result) != _steady(sound[arguments]):
        assert "damaged row" in result.stderr, (case, arguments, result.stdout)
    return result


def test_every_damaged_value_is_told_where_it_changes_anything(content, module_place, sound, cases, injected):
    every = list(product(template.cases(), READING))
    chosen = every if cases >= len(every) else random.Random(1).sample(every, cases)
    for case, arguments in chosen:
        template.put(module_place.database, content)
        template.damage(module_place.database, *case)
        read(module_place, arguments, sound, case)
    injected(FAULT, PROMISE, len(chosen))


def test_the_row_is_named_and_counted(content, module_place):
    template.put(module_place.database, content)
    template.damage(module_place.database, "runs", "status", "lost", 1)
    template.damage(module_place.database, "curves", "losses", b"\x00" * 7, 3)
    result = module_place.run_here("report", "--target", "2", "--json")
    assert result.code == 0
    assert "runs 2 (its status, 'lost', is not one of completed, diverged, interrupted, failed)" in result.message
    assert "curves 4 (its losses are damaged" in result.message


@pytest.mark.parametrize("arguments", CHANGING, ids=" ".join)
def test_commands_that_change_something_work_beside_damage(arguments, content, module_place, cases):
    chosen = random.Random(" ".join(arguments)).sample(
        template.cases(), min(len(template.cases()), max(3, cases // 20))
    )
    for case in chosen:
        template.put(module_place.database, content)
        template.damage(module_place.database, *case)
        result = module_place.run_here(*arguments)
        assert result.code in (0, 2), (case, result)


def test_random_accidents_end_in_a_message(content, module_place, cases, injected):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(cases // 2):
        template.put(module_place.database, content)
        with closing(sqlite3.connect(module_place.database)) as connection:
            for _ in range(rng.randint(1, 3)):
                table, column, _kind = rng.choice(template.columns())
                rows = connection.execute(f'SELECT "{column}" FROM {table}').fetchall()
                which = rng.randrange(len(rows))
                value = template.mutated(rows[which][0], rng)
                try:
                    template.damage(module_place.database, table, column, value, which)
                except sqlite3.IntegrityError:
                    continue
        arguments = rng.choice([*READING, *CHANGING])
        result = module_place.run_here(*arguments)
        assert result.code in (0, 2, 3), (seed, arguments, result)
    injected(
        "Stored values cut short, with other bytes or of another type, at random", "No traceback, no hang", cases // 2
    )
