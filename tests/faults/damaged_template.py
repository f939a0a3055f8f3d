"""A database with something in every column, in which any value can be put; and what puts damage there."""

import io
import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np

from lodo_bench.results.database import Database
from lodo_bench.results.managing import annotate, delete_records
from lodo_bench.results.schema import Base, MetaTrainingStateRow
from lodo_bench.results.store import Store
from lodo_bench.runs.facts import facts_of
from lodo_bench.spec.outcome import MetricHistory
from lodo_bench.spec.training import MetaTrainingState, OptimizerSpec, Tuned
from tests.builders import at_steps, curve, generation, individual, provenance, run, run_set_spec, schedule, study_spec

VALUES = {"learning_rate": 0.1, "beta1": 0.5, "beta2": 0.99}
# Each is wrong in a column of the kind, whatever else is stored.
WRONG = {
    "INTEGER": (None, "many", -1, 2.5, 2**62, b"\x00"),
    "BIGINT": (None, "many", -1, 2.5, 2**62, b"\x00"),
    "FLOAT": ("much", b"\x00\xff"),
    "VARCHAR": (None, b"\xff\xfe", sqlite3.Binary(b"cut"), "\ud800"),
    "JSON": (None, "null", "[1]", "{", "5", '{"a": "b"}', '{"other": NaN}', "[" * 5000, b"\xff{}"),
    "BLOB": (None, b"", b"\x00" * 7, "text", 3),
}
# Nothing that is shown depends on their values, or every value is one that could be meant.
FREE = {
    ("provenances", "versions"),  # any texts by name are versions
    ("deletions", "deleted"),
    ("deletions", "kind"),
    ("deletions", "number"),
}


def fill(path):
    """Studies 1 to 3 and run sets 1 and 2, each run with scores, a curve and a metric."""
    database = Database(str(path), create=True)
    store = Store(database, provenance(ended="2024-05-06T07:09:09+00:00"))
    plans = schedule(population=2)
    for number, optimizer in enumerate(("adam", "adam", "lodo")):
        study = store.open_study(
            study_spec(optimizer=OptimizerSpec(optimizer), seed=number, schedule=plans),
            fresh=True,
            kinds=dict.fromkeys(VALUES, "rate"),
        )
        for index, plan in enumerate(plans.generations[: 1 if number == 1 else 2]):
            store.add_generation(study.id, generation(index, sigma=plan.sigma, steps=plan.steps, mean=VALUES))
            members = [individual(i, generation=index, hyperparameters=VALUES, fitness=1.0 + i) for i in range(2)]
            store.add_individuals({study.id: members})
        if number != 1:
            store.finish_study(study.id, Tuned(VALUES))
    state = MetaTrainingState(np.ones(3).tobytes(), _archive())
    member = individual(0, generation=0, state=state)
    _replace_state(store, member)
    for number in (1, 3):
        annotate(database, "study", number, lambda former: replace(former, note="a note", tags=("final",)))
    for value in (0.1, 0.2):
        spec = run_set_spec(study_id=1, values={**VALUES, "learning_rate": value})
        opened = store.open_run_set(spec, facts=facts_of(spec)).id
        for seed in range(3):
            found = replace(
                curve(np.linspace(3, 1, 200)), metrics={"error": MetricHistory(np.arange(1, 4), np.ones(3))}
            )
            scores = {at_steps(200): {"test_loss": 1.0 + seed}}
            store.add_run(opened, run(seed, loss=1.0 + seed, scores=scores), found)
        annotate(database, "run-set", opened, lambda former: replace(former, note="a note", tags=("final",)))
    extra = store.open_run_set(run_set_spec(values=VALUES, source="default")).id
    delete_records(database, "run-set", [extra], with_runs=False)
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'")
        connection.commit()
    return path.read_bytes()


def put(path, content):
    """Put a file in the place of another, which may still be open, without its journals."""
    for each in (path, *(path.with_name(f"{path.name}-{suffix}") for suffix in ("wal", "shm", "journal"))):
        each.unlink(missing_ok=True)
    path.write_bytes(content)


def _archive():
    file = io.BytesIO()
    np.savez(file, weights=np.ones(3))
    return file.getvalue()


def _replace_state(store, member):
    """Store a state of study 3 with an individual that is there already."""
    with store._database.writing() as session:
        row = MetaTrainingStateRow(
            study_id=3, provenance_id=1, weights=member.state.weights, state_dict=member.state.state_dict
        )
        session.add(row)


def columns():
    """(table, column, kind) of every column but the numbers of rows, which SQLite keeps whole."""
    found = []
    for table in Base.metadata.sorted_tables:
        if table.name == "lodo_bench_schema":
            continue
        for column in table.columns:
            if not column.primary_key:
                kind = str(column.type.compile()).partition("(")[0]
                found.append((table.name, column.name, kind))
    return found


def cases():
    """Every (table, column, value) with a value that the column must not have."""
    return [
        (table, column, value)
        for table, column, kind in columns()
        if (table, column) not in FREE
        for value in WRONG[kind]
        if not (value is None and _may_be_null(table, column))
    ]


def _may_be_null(table, column):
    return Base.metadata.tables[table].columns[column].nullable


def damage(path, table, column, value, which=0):
    """Put a value into the first, or another, row of a table."""
    key = next(iter(Base.metadata.tables[table].primary_key)).name
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            value = value.encode("utf-8", "surrogatepass")
    with closing(sqlite3.connect(path)) as connection:
        rows = [row for (row,) in connection.execute(f"SELECT {key} FROM {table} ORDER BY {key}")]
        cast = (
            "CAST(? AS TEXT)" if isinstance(value, bytes) and column_kind(table, column) in ("VARCHAR", "JSON") else "?"
        )
        connection.execute(f'UPDATE {table} SET "{column}" = {cast} WHERE {key} = ?', (value, rows[which % len(rows)]))
        connection.commit()


def column_kind(table, column):
    return str(Base.metadata.tables[table].columns[column].type.compile()).partition("(")[0]


def mutated(value, rng: random.Random):
    """A stored value after an accident: cut short, with other bytes, of another type."""
    if isinstance(value, (bytes, str)) and value and rng.random() < 0.7:
        data = bytearray(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)
        for _ in range(rng.randint(1, 3)):
            match rng.randrange(3):
                case 0:
                    del data[rng.randrange(len(data) + 1) :]
                case 1 if data:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                case _:
                    data.insert(rng.randrange(len(data) + 1), rng.randrange(256))
        return bytes(data)
    return rng.choice([value for values in WRONG.values() for value in values])
