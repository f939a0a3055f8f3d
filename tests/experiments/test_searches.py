"""Experiments with several searches for each optimizer."""

import math

import pytest

from lodo_bench.experiments.estimate import missing_work
from lodo_bench.experiments.loading import load_experiment
from tests.experiments.helpers import Silent, do, open_store, page, plan_of

FILE = """title: Replicated
task: quadratic
options: {dimension: 6}
optimizers: [adam, newton]
tuning: {schedule: smoke, seed: 3}
searches: 2
runs: [{seeds: 2, steps: 20}]
output: [comparison, hyperparameters, search]
"""
FIXED = """title: Fixed
task: rosenbrock
optimizers: [newton]
hyperparameters: paper
runs: [{seeds: 4, steps: 5}]
output: [comparison]
"""
FROZEN = """title: Frozen
task: quadratic
options: {dimension: 6}
optimizers: [lodo]
tuning: {schedule: smoke}
searches: 2
runs: [{seeds: 2, steps: 5}]
output: [frozen]
"""


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "results.db")


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def work(items):
    return [(item.phase, item.label.partition(" ")[0], item.amount.partition(",")[0]) for item in items]


def test_runs_are_made_at_the_result_of_each_search(write, store, tmp_path):
    path = write(FILE)
    planned = missing_work(plan_of(path, "paper"), None)
    reporter = Silent()
    done = do(path, "paper", store, reporter)
    assert [(study.spec.optimizer.name, study.spec.seed) for study in done.studies] == [("adam", 3), ("adam", 4)]
    adam, newton = done.results
    assert [values.study_id for values in adam.hyperparameters] == [study.id for study in done.studies]
    assert len({values.values["learning_rate"] for values in adam.hyperparameters}) == 2
    assert [[run.seed for run in record.runs] for record in adam.run_sets] == [[0, 1], [2, 3]]
    assert [[run.seed for run in record.runs] for record in newton.run_sets] == [[0, 1, 2, 3]]
    assert reporter.notices[0] == "Tuning adam (2 searches)."
    assert [phase for phase, *_ in work(planned)] == ["tune", "tune", "run", "run"]
    assert [amount for *_, amount in work(planned)[2:]] == ["4 runs in lockstep of 20 steps"] * 2
    assert missing_work(plan_of(path, "paper"), store) == []
    assert do(path, "paper", store).run_sets == done.run_sets
    _shown(done, tmp_path)


def _shown(done, tmp_path):
    text, pictures = page(done, tmp_path / "page")
    numbers = sorted(values.values["learning_rate"] for values in done.results[0].hyperparameters)
    (row,) = [line for line in text.splitlines() if line.startswith("| adam") and "| learning_rate" in line]
    cell = row.split("|")[3]
    median, low, high = (float(part) for part in cell.replace("[", "").replace("]", "").replace(",", "").split())
    assert [low, high] == pytest.approx(numbers, rel=1e-2)
    assert median == pytest.approx(sum(numbers) / 2, rel=1e-2)
    assert "adam tuned (study 1) and tuned (study 2)" in text
    assert "Of several searches of an optimizer the first is shown." in text
    assert len(pictures) == 1


def test_what_a_search_is_lacking_is_all_that_is_done(write, store):
    do(write(FILE.replace("searches: 2", "searches: 1")), "paper", store)
    path = write(FILE)
    lacking = missing_work(plan_of(path, "paper"), store)
    assert [phase for phase, *_ in work(lacking)] == ["tune", "run", "run"]
    done = do(path, "paper", store)
    assert [study.id for study in done.studies] == [1, 2]


def test_where_no_seed_changes_anything_one_run_is_made(write, store):
    path = write(FIXED)
    (item,) = missing_work(plan_of(path, "paper"), store)
    assert item.amount == "1 runs in lockstep of 5 steps"
    (result,) = do(path, "paper", store).results
    (record,) = result.run_sets
    assert record.spec.deterministic
    assert [run.seed for run in record.runs] == [0]
    assert result.hyperparameters[0].values == {}


def test_a_frozen_preconditioner_is_measured_at_the_result_of_each_search(write, store, tmp_path):
    done = do(write(FROZEN), "paper", store)
    text, _ = page(done, tmp_path / "page")
    assert "Median training loss over 4 seeds." in text
    assert math.prod(len(result.hyperparameters) for result in done.results) == 2


def test_table_8_has_five_searches_of_each_optimizer():
    assert [load_experiment("table8", scale).parts[0].searches for scale in ("paper", "laptop", "smoke")] == [5, 5, 2]
    plan = plan_of("table8", "paper")
    assert len(plan.studies) == 25
    assert {spec.seed for spec in plan.studies} == set(range(5))
