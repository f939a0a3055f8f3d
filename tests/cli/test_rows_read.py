"""No command reads what it does not show: the rows of the large tables that each loads, and its statements."""

import re
from collections import Counter

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from benchmarks.synthetic_database import write
from tests.results.filled import fill

# A run counts again where its curve or its metrics are read.
# In the database: 2 studies of 2 individuals each, on the quadratic, and 5 run sets of 3 runs each, 4 of them on it.
LARGE = ("individuals", "runs", "milestones", "curves", "metric_histories", "meta_training_states")
READ = {
    "list studies": {},
    "list run-sets": {"runs": 15, "milestones": 15},
    "show study 1": {"individuals": 2},
    "show run-set 1": {"runs": 6, "milestones": 3},
    "report": {"runs": 15, "milestones": 15},
    "report --task rosenbrock": {"runs": 3, "milestones": 3},
    "report --task rosenbrock --target 2": {"runs": 6, "milestones": 3, "curves": 3},
    "report --task rosenbrock -o page.html": {"runs": 9, "milestones": 3, "curves": 3},
    "plot search --task quadratic -o search.svg": {"individuals": 4, "runs": 12, "milestones": 12},
    "export runs": {"runs": 15, "milestones": 15},
    "export individuals --study 2": {"individuals": 2, "runs": 15, "milestones": 15},
    "export curves --run-set 5": {"runs": 18, "milestones": 15, "curves": 3},
}
MOST_STATEMENTS = 60  # whatever the number of rows; a part of them looks for damaged ones


@pytest.fixture
def reads():
    """The rows that are read, by table, and the statements."""
    rows, statements = Counter(), []

    def executed(_connection, cursor, statement, parameters, *_others):
        statements.append(statement)
        selected, _, source = statement.partition("\nFROM ")
        if selected.startswith("SELECT") and source and "(" not in selected:
            (count,) = cursor.connection.execute(f"SELECT count(*) FROM ({statement})", parameters).fetchone()
            for table in {source.split()[0], *re.findall(r"(\w+?)(?:_\d+)?\.(?:id|losses)\b", selected)}:
                rows[table] += count

    event.listen(Engine, "before_cursor_execute", executed)
    yield rows, statements
    event.remove(Engine, "before_cursor_execute", executed)


@pytest.mark.parametrize("command", READ)
def test_the_rows_that_a_command_loads(command, place, request):
    place.database.parent.mkdir()
    fill(place.database)[1].close()
    rows, statements = request.getfixturevalue("reads")
    assert place.run_here(*command.split()).code == 0
    assert {table: rows[table] for table in LARGE if rows[table]} == READ[command]
    assert len(statements) <= MOST_STATEMENTS
    if "curves" not in READ[command]:
        assert not any(re.search(r"curves\w*\.losses", statement) for statement in statements)


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
