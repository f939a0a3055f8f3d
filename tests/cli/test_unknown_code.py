"""A database of tasks and optimizers whose code is not on this machine can be read in full."""

import hashlib
import json

import pytest
from sqlalchemy import select

from lodo_bench.results.database import Database
from lodo_bench.results.schema import RunSetRow, StudyRow
from tests.cli.runner import Place
from tests.experiments.helpers import do, page
from tests.experiments.helpers import open_store as open_experiments
from tests.results.filled import fill


def forget(database):
    """Give adam on the quadratic and the study of lodo the names of a plug-in and of a file that are gone."""
    database = Database(str(database), create=False)
    with database.writing() as session:
        for row in session.scalars(select(StudyRow)):
            rename(row, "optimizer", {"adam": "plugin-adam", "lodo": "gone.py:Mine"}[row.optimizer])
        for row in session.scalars(select(RunSetRow)):
            if row.task == "rosenbrock":
                rename(row, "task", "gone.py:Task")
            elif row.optimizer == "adam":
                rename(row, "optimizer", "plugin-adam")
            elif row.id == 3:
                rename(row, "optimizer", "gone.py:Mine")
    database.close()


def rename(row, kind, name):
    """Give the task or the optimizer of a row another name, and the row the identity that belongs to it."""
    setattr(row, kind, name)
    row.spec = {**row.spec, kind: {**row.spec[kind], "name": name}}
    part, value = ("schedule", "name") if isinstance(row, StudyRow) else ("hyperparameters", "provenance_note")
    identified = {**row.spec, part: {**row.spec[part], value: ""}}
    row.identity = hashlib.sha256(json.dumps(identified, sort_keys=True).encode()).hexdigest()


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
    database = Database(str(place.database), create=False)
    with database.writing() as session:
        for row in session.scalars(select(RunSetRow).where(RunSetRow.optimizer == "momentum")):
            rename(row, "optimizer", "plugin")
    database.close()
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
