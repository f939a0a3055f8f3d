"""Every column of every table with values that it must not have: the row is named, left out, and the rest is shown."""

import random
import re
import sqlite3
import warnings
from contextlib import closing
from itertools import product

import pytest

import lodo_bench
from lodo_bench.api.serve import report_server
from lodo_bench.spec.selection import ReportRequest
from tests.cli.runner import Place
from tests.faults import damaged_template as template
from tests.report.html.test_page import Page

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


WITH_JSON = (
    ("report", "--json", "--target", "2"),
    ("list", "run-sets", "--json"),
    ("list", "studies", "--json"),
    ("show", "run-set", "1", "--json"),
    ("show", "study", "1", "--json"),
    ("compare", "run-set", "1", "2", "--json"),
    ("plot", "curves", "-o", "curves.svg", "--json"),
    ("plot", "search", "-o", "search.svg", "--json", "--optimizer", "adam"),
    ("watch", "--once", "--json"),
)
# Of each command, a row that it reads and leaves out.
LEFT_OUT = {
    "run-sets": ("runs", "status", "lost", 1),
    "studies": ("studies", "spec", "null", 1),
    "study": ("individuals", "status", "lost", 1),
    "search": ("individuals", "status", "lost", 1),
}


@pytest.mark.parametrize("arguments", WITH_JSON, ids=" ".join)
def test_documents_list_the_rows_that_were_left_out(arguments, content, module_place, injected):
    table, column, value, which = LEFT_OUT.get(arguments[1], LEFT_OUT["run-sets"])
    template.put(module_place.database, content)
    assert module_place.run_here(*arguments).document["damaged"] == []
    template.put(module_place.database, content)
    template.damage(module_place.database, table, column, value, which)
    (found,) = module_place.run_here(*arguments).document["damaged"]
    assert (found["table"], found["number"], found["database"]) == (table, which + 1, str(module_place.database))
    assert column in found["reason"] or "damaged" in found["reason"]
    injected(FAULT, PROMISE)


def test_several_databases_have_damaged_rows_of_their_own(content, module_place):
    template.put(module_place.database, content)
    other = module_place.database.with_name("other.db")
    template.put(other, content)
    template.damage(other, "runs", "status", "lost", 1)
    found = module_place.run_here("report", "--json", "--db", module_place.database, "--db", other).document["damaged"]
    assert [(each["database"], each["table"], each["number"]) for each in found] == [(str(other), "runs", 2)]


def test_a_run_whose_curve_is_damaged_does_not_count_as_one_that_missed_the_target(content, module_place, injected):
    def to_target():
        document = module_place.run_here("report", "--json", "--target", "2").document
        (comparison,) = document["comparisons"]
        steps = comparison["rows"][0]["to_target"]["steps"]
        return steps["reached"]["count"], steps["missed"], [each["table"] for each in document["damaged"]]

    template.put(module_place.database, content)
    count, missed, damaged = to_target()
    assert (missed, damaged) == (0, [])
    template.put(module_place.database, content)
    template.damage(module_place.database, "curves", "losses", b"\x00" * 7, 0)
    assert to_target() == (count - 1, 0, ["curves"])
    injected(FAULT, PROMISE)


def test_the_page_shows_what_was_left_out(content, module_place, injected):
    template.put(module_place.database, content)
    template.damage(module_place.database, "curves", "losses", b"\x00" * 7, 0)
    with report_server(ReportRequest(), str(module_place.database), "127.0.0.1", 0) as server:
        text = server.cache.page().decode()
    page = Page(text)
    (warning,) = [shown for _, shown in page.all("p", **{"class": "warning"}) if "Left out" in shown]
    assert "1 damaged row" in warning
    assert "curves 1 (its losses are damaged" in warning
    assert '"damaged":[{"table":"curves","number":1,' in text
    injected(FAULT, PROMISE)


def test_a_program_is_warned(content, module_place, injected):
    template.put(module_place.database, content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lodo_bench.compare(db=str(module_place.database))
    template.damage(module_place.database, "runs", "status", "lost", 1)
    with pytest.warns(UserWarning, match="Left out 1 damaged row .* runs 2") as caught:
        lodo_bench.compare(db=str(module_place.database))
    assert [each.filename for each in caught] == [__file__]
    injected(FAULT, PROMISE)


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


SEARCHES = [
    ("report", "-o", "report.html"),
    ("plot", "search", "-o", "search.png", "--study", "1"),
    ("show", "study", "1"),
    ("show", "study", "1", "--json"),
]


@pytest.mark.parametrize("column", ["mean", "sigma"])
@pytest.mark.parametrize("study", [1, None])
def test_searches_without_a_generation_that_is_not_damaged(column, study, content, module_place):
    template.put(module_place.database, content)
    with closing(sqlite3.connect(module_place.database)) as connection:
        connection.execute(f"UPDATE generations SET {column} = ? WHERE study_id = ? OR ? IS NULL", ("}", study, study))
        connection.commit()
    for arguments in SEARCHES:
        result = module_place.run_here(*arguments)
        assert result.code in (0, 2), (arguments, result)
        assert "generation" in result.stderr, (arguments, result)


def test_random_accidents_end_in_a_message(content, module_place, cases, injected):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(cases // 2):
        template.put(module_place.database, content)
        with closing(sqlite3.connect(module_place.database)) as connection:
            connection.text_factory = lambda text: text.decode(errors="replace")  # it may be damaged already
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
