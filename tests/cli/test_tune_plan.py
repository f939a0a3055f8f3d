"""`tune --dry-run`: all that would be searched, and nothing stored."""

import math
import sqlite3
from contextlib import closing

import pytest

from tests.cli.runner import Place


class Plans:
    def __init__(self, place):
        self.place = place
        self.tune = ("tune", "lodo", "adam", "--task", "quadratic", "-T", "n=12", "--workers", 0, "--seed", 5)
        self.tune += ("--schedule", place.schedule(20, 30, population=4))
        self.text = place.run_here(*self.tune, "--dry-run")
        self.document = place.run_here(*self.tune, "--dry-run", "--json").document
        self.existed = place.database.exists()


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    return Plans(Place(tmp_path_factory.mktemp("plan")))


def table(text, first):
    """The rows of the table whose first header is `first`, and has `last` among its headers."""
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    cells = [[[cell.strip() for cell in line.strip("|").split("|")] for line in lines] for lines in tables]
    return next(rows[2:] for rows in cells if first in rows[0])


def test_nothing_is_created(plans):
    assert plans.text.code == 0, plans.text.stderr
    assert not plans.existed
    assert not list(plans.place.work.iterdir())


def test_searches_and_spaces_are_tables(plans):
    searches = table(plans.text.stdout, "study")
    assert [row[:6] for row in searches] == [
        [name, "quadratic (dimension=12)", "5", "new", "8", "200"] for name in ("lodo", "adam")
    ]
    spaces = table(plans.text.stdout, "range")
    assert ["adam", "learning_rate", "rate", "greater than 0", "0.001"] in spaces
    assert ["adam", "beta1", "decay", "0 to 1", "0.9"] in spaces
    assert "2 generations of 4 individuals" in plans.text.stdout
    assert "Workers: in this process (0 workers); cpu, float64" in plans.text.stdout
    assert "To compute: 16 individuals, about " in plans.text.stdout


def test_json_has_everything(plans):
    assert set(plans.document) == {"schema", "searches", "engine", "workers", "gpus_per_worker", "seconds"}
    assert (plans.document["engine"], plans.document["workers"]) == ("inline", 1)
    first, second = plans.document["searches"]
    assert (first["optimizer"], second["optimizer"]) == ("lodo", "adam")
    assert (second["status"], second["study"], second["evaluated"]) == ("new", None, 0)
    assert (second["individuals"], second["steps"], second["dimension"]) == (8, 200, 12)
    assert [plan["steps"] for plan in second["schedule"]["generations"]] == [20, 30]
    assert [each["name"] for each in second["space"]] == ["learning_rate", "beta1", "beta2"]
    assert plans.document["seconds"] == pytest.approx(first["seconds"] + second["seconds"])
    assert second["basis"] == "measured"
    # Adam has two moments, in addition to the parameters, of 4 × 12 numbers of 8 bytes each.
    assert second["together"] == 4
    assert second["state_bytes"] >= 3 * 4 * 12 * 8
    assert second["seconds"] > 0


def test_ranges_are_those_of_the_space(plans):
    result = plans.place.run_here("tune", "torch.optim.Adam", "--task", "quadratic", "--dry-run", "--json")
    (search,) = result.document["searches"]
    ranges = {each["name"]: each["range"] for each in search["space"]}
    assert all(low < high for low, high in ranges.values())
    assert "lr" in ranges


def test_meta_training_is_planned_by_epochs(plans):
    schedule = plans.place.directory / "meta.yaml"
    schedule.write_text("population: 2\ngenerations: [{sigma: 1, steps: 2}]\nmeta_epochs: 3\n")
    result = plans.place.run_here("tune", "l2lbgdbgd", "-t", "quadratic", "--schedule", schedule, "--dry-run")
    assert ["l2lbgdbgd", "weights", "meta-trained"] in table(result.stdout, "hyperparameter")
    assert "a meta-training of 3 epochs" in result.stdout


def test_optimizers_without_hyperparameters_are_named(plans):
    result = plans.place.run_here("tune", "newton", "--task", "quadratic", "--dry-run")
    assert (result.code, result.stdout) == (0, "Nothing to tune.\n")
    assert "newton has no hyperparameters" in result.stderr


@pytest.mark.parametrize("extra", [("--schedule", "quik"), ("--optimizer", "adm")])
def test_mistakes_are_those_of_tune(plans, extra):
    result = plans.place.run_here("tune", "--task", "quadratic", *extra, "--dry-run")
    assert result.code == 2
    assert not plans.place.database.exists()


def test_stored_studies_are_reused_or_resumed(tmp_path):
    place = Place(tmp_path)
    schedule = place.schedule(20, 30, population=4)
    tune = ("tune", "adam", "--task", "quadratic", "--workers", 0, "--schedule", schedule)
    assert place.run_here(*tune).code == 0
    (finished,) = place.run_here(*tune, "--dry-run", "--json").document["searches"]
    assert (finished["status"], finished["study"], finished["evaluated"], finished["seconds"]) == ("finished", 1, 8, 0)
    text = place.run_here(*tune, "--dry-run").stdout
    assert "study 1, finished: reused" in text
    assert "nothing is left to compute" in text
    (fresh,) = place.run_here(*tune, "--dry-run", "--json", "--fresh").document["searches"]
    assert (fresh["status"], fresh["study"], fresh["basis"]) == ("new", None, "stored")
    assert math.isfinite(fresh["seconds"])
    assert (finished["state_bytes"], fresh["state_bytes"] > 0) == (None, True)
    assert place.count("studies") == 1
    _forget_last_generation(place)
    (resumed,) = place.run_here(*tune, "--dry-run", "--json").document["searches"]
    assert (resumed["status"], resumed["study"], resumed["evaluated"]) == ("unfinished", 1, 4)
    assert "study 1, resumed after 4 individuals" in place.run_here(*tune, "--dry-run").stdout
    assert place.run_here(*tune).code == 0
    assert place.count("individuals") == 8


def _forget_last_generation(place):
    with closing(sqlite3.connect(place.database)) as connection, connection:
        connection.execute("UPDATE studies SET hyperparameters = NULL")
        connection.execute("DELETE FROM individuals WHERE generation_id = 2")
        connection.execute("DELETE FROM generations WHERE id = 2")
