"""Tables for other programs: everything stored is in them, and comes back from each format as it was."""

import io
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from lodo_bench.export import tables
from lodo_bench.export.columns import objects
from lodo_bench.export.tables import TABLES
from lodo_bench.export.writers import WRITERS
from lodo_bench.results.database import Database
from lodo_bench.results.selecting import select_results
from lodo_bench.results.store import Store
from lodo_bench.spec.outcome import Curve, MetricHistory, Status
from lodo_bench.spec.selection import Selection
from lodo_bench.spec.training import TaskSpec
from tests.builders import at_seconds, at_steps, generation, individual, provenance, run, run_set_spec, study_spec

NAN, INF = math.nan, math.inf
LOSSES = (3.0, 0.1, INF)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("export") / "results.db"
    store = Store(Database(str(place), create=True), provenance(host='a "quoted", host'))
    first = store.open_run_set(run_set_spec(num_seeds=3)).id
    measured = {"hessian_error": MetricHistory(np.array([1, 3]), np.array([0.9, NAN]))}
    clocked = Curve(np.array(LOSSES), np.array([0, 2, 3]), np.array([0.0, 1.0, 4.0]), measured)
    store.add_run(first, run(0, milestones={at_steps(200): 0.1 + 0.2, at_seconds(5): -INF}), clocked)
    store.add_run(first, run(1, NAN, status=Status.DIVERGED, reason="loss inf, at step 2"), clocked)
    failed = run(2, status=Status.FAILED, reason="out of memory", milestones={}, training_seconds=None)
    store.add_run(first, failed, Curve(np.empty(0), np.zeros(1, dtype=np.int64), np.zeros(1)))
    untimed = run_set_spec("lodo", task=TaskSpec("rosenbrock", {"scale": 2.0}), timed=False, num_seeds=1)
    store.add_run(store.open_run_set(untimed).id, run(0, training_seconds=None), clocked)
    study = store.open_study(study_spec(), fresh=False).id
    store.add_generation(study, generation(sigma=1.5))
    store.add_individuals({study: [individual(0, fitness=0.1), individual(1, fitness=INF, status=Status.DIVERGED)]})
    return store


def written(store, name, kind, task=None):
    file = io.BytesIO()
    WRITERS[kind](file, name, TABLES[name], TABLES[name].batches(select_results(store, Selection(task))))
    return file.getvalue()


def rows(store, name, task=None):
    return [row for batch in TABLES[name].batches(select_results(store, Selection(task))) for row in batch.to_pylist()]


def same(one, other):
    return one == other or (
        isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    )


def test_runs_have_a_row_for_each_score_and_one_if_there_is_none(store):
    found = rows(store, "runs")
    assert [(row["seed"], row["milestone"]) for row in found] == [
        (0, "steps:200"),
        (0, "seconds:5"),
        (1, "steps:200"),
        (2, None),
        (0, "steps:200"),
    ]
    assert (found[0]["score"], found[0]["value"], found[1]["value"]) == ("loss", 0.1 + 0.2, -INF)
    assert math.isnan(found[2]["value"])
    assert (found[3]["status"], found[3]["reason"], found[3]["value"]) == ("failed", "out of memory", None)
    assert json.loads(found[4]["task_options"]) == {"scale": 2.0}
    assert found[0]["host"] == 'a "quoted", host'


def test_other_scores_are_rows_too():
    scored = run(0, 1.0, scores={at_steps(200): {"test_loss": 0.5, "test_accuracy": 0.9}})
    assert [(row["milestone"], row["score"], row["value"]) for row in tables._scores(scored)] == [
        ("steps:200", "loss", 1.0),
        ("steps:200", "test_loss", 0.5),
        ("steps:200", "test_accuracy", 0.9),
    ]


def test_individuals_have_their_generation_and_fitness(store):
    first, second = rows(store, "individuals")
    assert (first["generation"], first["sigma"], first["individual"], first["fitness"]) == (0, 1.5, 0, 0.1)
    assert (second["status"], second["fitness"]) == ("diverged", INF)
    assert json.loads(first["hyperparameters"]) == {"learning_rate": 0.1, "beta1": 0.5}


def test_curves_have_every_step_with_its_time(store):
    found = rows(store, "curves")
    assert [(row["run_set"], row["seed"], row["step"]) for row in found] == [
        (number, seed, step) for number, seed in ((1, 0), (1, 1), (2, 0)) for step in (1, 2, 3)
    ]
    assert [row["loss"] for row in found[:3]] == [np.float32(loss) for loss in LOSSES]
    assert [row["seconds"] for row in found[:3]] == [0.5, 1.0, 4.0]
    assert [row["seconds"] for row in found[6:]] == [None] * 3


def test_long_curves_come_in_parts(store, monkeypatch):
    whole = rows(store, "curves")
    monkeypatch.setattr(tables, "CHUNK", 2)
    assert [batch.num_rows for batch in TABLES["curves"].batches(store)] == [2, 1] * 3
    assert rows(store, "curves") == whole


def test_curves_are_read_one_at_a_time(store, monkeypatch):
    read = []
    monkeypatch.setattr(Store, "curve", lambda self, *key, curve=Store.curve: read.append(key) or curve(self, *key))
    batches = TABLES["curves"].batches(store)
    next(batches)
    assert read == [(1, 0)]


def test_metrics_have_a_row_for_each_measurement_with_its_time(store):
    found = rows(store, "metrics")
    assert [(row["run_set"], row["seed"], row["metric"], row["step"]) for row in found] == [
        (number, seed, "hessian_error", step) for number, seed in ((1, 0), (1, 1), (2, 0)) for step in (1, 3)
    ]
    assert found[0]["value"] == 0.9 and math.isnan(found[1]["value"])
    assert [row["seconds"] for row in found[:2]] == [0.5, 4.0]
    assert [row["seconds"] for row in found[4:]] == [None] * 2


def test_long_metrics_come_in_parts(store, monkeypatch):
    monkeypatch.setattr(tables, "CHUNK", 1)
    assert [batch.num_rows for batch in TABLES["metrics"].batches(store)] == [1] * 6


def test_metrics_are_read_one_run_at_a_time(store, monkeypatch):
    read = []
    monkeypatch.setattr(Store, "curve", lambda self, *key, curve=Store.curve: read.append(key) or curve(self, *key))
    next(TABLES["metrics"].batches(store))
    assert read == [(1, 0)]


@pytest.mark.parametrize("name", TABLES)
def test_one_task_can_be_asked_for(name, store):
    everything, one = rows(store, name), rows(store, name, "quadratic")
    assert len(one) == sum(row["task"] == "quadratic" for row in everything)
    assert {row["task"] for row in one} == {"quadratic"}
    assert rows(store, name, "mnist") == []


@pytest.mark.parametrize("name", TABLES)
def test_parquet_comes_back_as_it_was(name, store):
    found = parquet.read_table(io.BytesIO(written(store, name, "parquet")))
    assert found.schema.equals(TABLES[name].schema)
    assert all(b"description" in field.metadata for field in found.schema)
    back = found.to_pylist()
    for one, other in zip(back, rows(store, name), strict=True):
        assert all(same(one[key], other[key]) for key in other)


@pytest.mark.parametrize("name", TABLES)
def test_csv_comes_back_as_it_was(name, store):
    schema = TABLES[name].schema
    options = csv.ConvertOptions(
        column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    found = csv.read_csv(io.BytesIO(written(store, name, "csv")), convert_options=options).to_pylist()
    for one, other in zip(found, rows(store, name), strict=True):
        assert all(same(one[key], other[key]) for key in other)


@pytest.mark.parametrize("name", TABLES)
def test_json_comes_back_as_it_was(name, store):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    document = json.loads(written(store, name, "json"), parse_constant=refuse)
    assert document["schema"] == 1
    schema = TABLES[name].schema
    numbers = {field.name for field in schema if pa.types.is_floating(field.type)}
    for one, other in zip(document[name], rows(store, name), strict=True):
        assert list(one) == schema.names
        for key, value in other.items():
            if key in objects(schema):
                assert one[key] == json.loads(value)
            elif key in numbers and value is not None:
                assert same(float(one[key]), value)
            else:
                assert one[key] == value


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_is_one_of_its_format(name, store):
    assert json.loads(written(store, name, "json", "mnist")) == {"schema": 1, name: []}
    assert (
        parquet.read_table(io.BytesIO(written(store, name, "parquet", "mnist"))).schema.names
        == TABLES[name].schema.names
    )
    titles = written(store, name, "csv", "mnist").decode()
    assert titles == ",".join(f'"{column}"' for column in TABLES[name].schema.names) + "\n"
