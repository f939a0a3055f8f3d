"""No command reads what it does not show: the rows of the large tables that each loads, and its statements."""

from collections import Counter

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from benchmarks.synthetic_database import write
from lodo_bench.results.schema import Base
from tests.results.filled import fill

# A run counts again where its curve or its metrics are read.
# In the database: 2 studies of 2 individuals each, on the quadratic, and 5 run sets of 3 runs each, 4 of them on it.
LARGE = ("IndividualRow", "RunRow", "MilestoneRow", "CurveRow", "MetricHistoryRow", "MetaTrainingStateRow")
READ = {
    "list studies": {},
    "list run-sets": {"RunRow": 15, "MilestoneRow": 15},
    "show study 1": {"IndividualRow": 2},
    "show run-set 1": {"RunRow": 6, "MilestoneRow": 3},
    "report": {"RunRow": 15, "MilestoneRow": 15},
    "report --task rosenbrock": {"RunRow": 3, "MilestoneRow": 3},
    "report --task rosenbrock --target 2": {"RunRow": 6, "MilestoneRow": 3, "CurveRow": 3},
    "report --task rosenbrock -o page.html": {"RunRow": 9, "MilestoneRow": 3, "CurveRow": 3},
    "plot search --task quadratic -o search.svg": {"IndividualRow": 4, "RunRow": 12, "MilestoneRow": 12},
    "export runs": {"RunRow": 15, "MilestoneRow": 15},
    "export individuals --study 2": {"IndividualRow": 2, "RunRow": 15, "MilestoneRow": 15},
    "export curves --run-set 5": {"RunRow": 18, "MilestoneRow": 15, "CurveRow": 3},
}
MOST_STATEMENTS = 60  # whatever the number of rows; a part of them looks for damaged ones


@pytest.fixture
def reads():
    """The rows that are loaded, by table, and the statements."""
    rows, statements = Counter(), []

    def loaded(row, _context):
        rows[type(row).__name__] += 1

    def executed(_connection, _cursor, statement, *_others):
        statements.append(statement)

    event.listen(Base, "load", loaded, propagate=True)
    event.listen(Engine, "before_cursor_execute", executed)
    yield rows, statements
    event.remove(Base, "load", loaded)
    event.remove(Engine, "before_cursor_execute", executed)


@pytest.mark.parametrize("command", READ)
def test_the_rows_that_a_command_loads(command, place, request):
    place.database.parent.mkdir()
    fill(place.database)[1].close()
    rows, statements = request.getfixturevalue("reads")
    assert place.run_here(*command.split()).code == 0
    assert {table: rows[table] for table in LARGE if rows[table]} == READ[command]
    assert len(statements) <= MOST_STATEMENTS
    if "CurveRow" not in READ[command]:
        assert not any("curves.losses" in statement for statement in statements)


@pytest.mark.parametrize("command", ["list studies", "list run-sets", "report", "report --json", "export runs"])
def test_the_number_of_statements_is_not_that_of_rows(command, place, request):
    _, statements = request.getfixturevalue("reads")
    counts = []
    for factor in (1, 4):
        database = place.database.with_name(f"{factor}.db")
        database.parent.mkdir(exist_ok=True)
        write(database, 500 * factor, 50 * factor, 100)
        statements.clear()
        assert place.run_here(*command.split(), "--db", str(database)).code == 0
        # A diverged run without a score is looked up by its curve.
        counts.append(sum("curves" not in s and "metric_histories" not in s for s in statements))
    assert counts[0] == counts[1]
