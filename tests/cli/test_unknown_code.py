"""A database of tasks and optimizers whose code is not on this machine can be read in full."""

import sqlite3
from contextlib import closing

import pytest

from tests.cli.runner import Place
from tests.experiments.helpers import do, page
from tests.experiments.helpers import open_store as open_experiments
from tests.results.filled import fill


def forget(database):
    """Give adam on the quadratic and the study of lodo the names of a plug-in and of a file that are gone."""
    with closing(sqlite3.connect(database)) as connection:
        for table, name, where in (
            ("run_sets", "plugin-adam", "optimizer = 'adam' AND task = 'quadratic'"),
            ("studies", "plugin-adam", "optimizer = 'adam'"),
            ("studies", "gone.py:Mine", "optimizer = 'lodo'"),
            ("run_sets", "gone.py:Mine", "optimizer = 'lodo' AND id = 3"),
        ):
            spec = f"json_set(spec, '$.optimizer.name', '{name}')"
            connection.execute(f"UPDATE {table} SET optimizer = '{name}', spec = {spec} WHERE {where}")
        spec = "json_set(spec, '$.task.name', 'gone.py:Task')"
        connection.execute(f"UPDATE run_sets SET task = 'gone.py:Task', spec = {spec} WHERE task = 'rosenbrock'")
        connection.commit()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("unknown"))
    place.database.parent.mkdir()
    _, database = fill(place.database)
    database.close()
    forget(place.database)
    return place


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("report",), ("plugin-adam", "gone.py:Mine", "gone.py:Task")),
        (("report", "--format", "html"), ("plugin-adam", "gone.py:Mine", "gone.py:Task")),
        (("report", "--format", "latex"), ("plugin-adam", "gone.py:Mine")),
        (("report", "--format", "csv"), ("plugin-adam", "gone.py:Mine", "gone.py:Task")),
        (("report", "--json"), ("plugin-adam", "gone.py:Mine", "gone.py:Task")),
        (("report", "--target", "1.5"), ("plugin-adam",)),
        (("report", "--task", "gone.py:Task"), ("## gone.py:Task", "adam")),
        (("report", "--optimizer", "plugin-adam"), ("plugin-adam",)),
        (("list", "runs"), ("plugin-adam", "gone.py:Mine", "gone.py:Task")),
        (("list", "runs", "--task", "gone.py:Task"), ("gone.py:Task",)),
        (("list", "studies"), ("plugin-adam", "gone.py:Mine")),
        (("show", "run-set", 3), ("gone.py:Mine on quadratic",)),
        (("show", "run-set", 5), ("adam on gone.py:Task",)),
        (("show", "study", 2), ("gone.py:Mine on quadratic",)),
        (("compare", "run-set", 1, 3), ("plugin-adam", "gone.py:Mine")),
        (("export", "runs"), ("plugin-adam", "gone.py:Mine", "gone.py:Task")),
        (("export", "curves"), ("plugin-adam",)),
        (("export", "metrics"), ()),
        (("export", "individuals"), ("plugin-adam", "gone.py:Mine")),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_everything_stored_is_shown(arguments, shown, filled):
    result = filled.run_here(*arguments)
    assert (result.code, result.stderr) == (0, "")
    for text in shown:
        assert text in result.stdout, text


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ("curves", "--task", "quadratic"),
            {"plugin-adam, tuned (study 1)", "plugin-adam, default", "gone.py:Mine", "lodo (layers=8)"},
        ),
        (("curves", "--task", "gone.py:Task"), {"adam"}),
        (("search", "--task", "quadratic"), {"plugin-adam", "gone.py:Mine"}),
        (("profile",), {"plugin-adam", "gone.py:Mine", "lodo (layers=8)", "adam"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_plots_show_it(arguments, lines, filled):
    document = filled.run_here("plot", *arguments, "-o", "plot.svg", "--json").document
    assert set(document["lines"]) == lines


@pytest.fixture
def swept(tmp_path):
    """Runs at two learning rates of an optimizer that is not known, on a task with two parameters."""
    place = Place(tmp_path)
    for rate in ("0.1", "0.2"):
        run = (
            "run",
            "momentum",
            "--task",
            "rosenbrock",
            "--seeds",
            2,
            "--steps",
            20,
            "-p",
            f"lr={rate}",
            "-p",
            "momentum=0.5",
        )
        assert place.run_here(*run, "--untimed").code == 0
    assert place.run_here("run", "adam", "--task", "rosenbrock", "--seeds", 1, "--steps", 20, "--untimed").code == 0
    with closing(sqlite3.connect(place.database)) as connection:
        spec = "json_set(spec, '$.optimizer.name', 'plugin')"
        connection.execute(f"UPDATE run_sets SET optimizer = 'plugin', spec = {spec} WHERE optimizer = 'momentum'")
        connection.commit()
    return place


def test_sweeps_of_unknown_optimizers_and_trajectories_without_them(swept):
    sweep = swept.run_here("plot", "sweep", "--over", "learning_rate", "-o", "sweep.svg", "--json")
    assert sweep.document["lines"] == ["plugin"]
    drawn = swept.run_here("plot", "trajectories", "-o", "trajectories.svg", "--json")
    assert drawn.document["lines"] == ["adam"]
    (sentence, *_) = drawn.document["left_out"]
    assert sentence.startswith("plugin, learning_rate=0.1, as its runs cannot be repeated: unknown optimizer")
    alone = swept.run_here("plot", "trajectories", "-o", "alone.svg", "--optimizer", "plugin")
    assert (alone.code, "unknown optimizer 'plugin'" in alone.message) == (2, True)
    assert not (swept.work / "alone.svg").exists()


def test_only_computing_with_it_is_refused(filled):
    for arguments in (
        ("run", "plugin-adam"),
        ("tune", "plugin-adam", "--task", "quadratic"),
        ("run", "adam", "-t", "gone.py:Task"),
    ):
        assert filled.run_here(*arguments).code == 2


def test_the_pages_of_experiments_are_written_beside_unknown_results(tmp_path):
    path = tmp_path / "results.db"
    _, database = fill(path)
    database.close()
    forget(path)
    store = open_experiments(path)
    text, _ = page(do("table8", "smoke", store), tmp_path / "page")
    assert "| adam" in text and "plugin-adam" not in text
    assert {"plugin-adam", "gone.py:Mine"} <= {record.spec.optimizer.name for record in store.run_sets()}
