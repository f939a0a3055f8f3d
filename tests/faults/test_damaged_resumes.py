"""Commands that resume from damaged rows say so, compute these again alone, and end as if nothing had happened."""

import pytest

from tests.cli.runner import Place
from tests.faults import damaged_template as template

RESULTS = 'SELECT generation_id, "index", hyperparameters, fitness, status, steps FROM individuals ORDER BY 1, 2'
RUNS = (
    "SELECT runs.seed, runs.status, milestones.key, milestones.loss "
    "FROM runs JOIN milestones ON run_id = runs.id ORDER BY 1"
)
FAULT = "A damaged row of a search or of final runs, then the command again"
PROMISE = "The row is named and computed again, the others are kept, and the results are identical"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("individuals", "status", "lost"),
        ("individuals", "hyperparameters", "null"),
        ("generations", "mean", "{"),
        ("generations", "sigma", "much"),
        ("studies", "hyperparameters", "null"),
    ],
)
def test_a_search_is_completed(table, column, value, place, injected):
    schedule = place.schedule(5, 5, 5, population=4)
    arguments = ("tune", "adam", "--task", "rosenbrock", "--schedule", schedule, "--workers", "0")
    assert place.run_here(*arguments).code == 0
    before, result = place.query(RESULTS), place.query("SELECT hyperparameters FROM studies")
    place.change("UPDATE studies SET hyperparameters = NULL")
    template.damage(place.database, table, column, value)
    again = place.run_here(*arguments)
    assert again.code == 0 and f"{table} 1 (" in again.message, again
    assert (place.query(RESULTS), place.query("SELECT hyperparameters FROM studies")) == (before, result)
    injected(FAULT, PROMISE)


@pytest.mark.parametrize(("table", "column", "value"), [("runs", "status", "lost"), ("milestones", "key", "five")])
def test_final_runs_are_completed(table, column, value, place, injected):
    arguments = ("run", "adam", "--task", "quadratic", "--steps", "20", "--seeds", "3", "--from", "default")
    assert place.run_here(*arguments).code == 0
    before = place.query(RUNS)
    template.damage(place.database, table, column, value, 1)
    again = place.run_here(*arguments)
    assert again.code == 0 and f"{table} 2 (" in again.message, again
    assert place.query(RUNS) == before
    assert "damaged" not in place.run_here("report").stderr
    injected(FAULT, PROMISE)
