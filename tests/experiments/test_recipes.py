"""Recipes in experiment files."""

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.experiments.condition import conditions_of
from lodo_bench.experiments.loading import load_experiment
from tests.experiments.helpers import do, open_store, page

FILE = """title: Recipes
task: quadratic
options: {dimension: 6}
recipe: {schedule: cosine, warmup: 0.1}
optimizers:
  - adam
  - {name: momentum, recipe: {warmup: 0.2, weight_decay: tune}}
tuning: {schedule: smoke}
runs: [{seeds: 2, steps: 40}]
output: [comparison, hyperparameters, search]
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_an_optimizers_entries_replace_those_of_the_part(write):
    (part,) = load_experiment(write(FILE)).parts
    assert [optimizer.label for optimizer in part.optimizers] == [
        "adam (schedule=cosine, warmup=0.1)",
        "momentum (weight_decay=tune, schedule=cosine, warmup=0.2)",
    ]


def test_parts_have_recipes_of_their_own(write):
    text = FILE.replace(
        "recipe: {schedule", "parts:\n  - {recipe: {clip: 1}, optimizers: [yogi]}\n  - {}\nrecipe: {schedule"
    )
    first, second = load_experiment(write(text)).parts
    assert [optimizer.label for optimizer in first.optimizers] == ["yogi (clip_norm=1)"]
    assert second.optimizers[0].label == "adam (schedule=cosine, warmup=0.1)"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("warmup: 0.1", "warmup: 1.5", "mine.yaml, line 4: recipe: invalid warmup = 1.5 for optimizer adam"),
        ("warmup: 0.2", "cooldown: 0.2", "line 7: optimizers[1].recipe: the recipe has a cooldown"),
        ("  - adam", "  - newton", "line 4: recipe: newton has no learning rate"),
        ("warmup: 0.1", "warm_up: 0.1", "line 4: recipe: unknown recipe entry 'warm_up'"),
        ("{schedule: cosine, warmup: 0.1}", "cosine", "line 4: recipe must be a mapping"),
    ],
)
def test_mistakes_are_located(write, before, after, message):
    with pytest.raises(UsageError) as caught:
        load_experiment(write(FILE.replace(before, after)))
    assert message in str(caught.value)


def test_a_sweep_over_an_entry(write):
    text = FILE + "sweep: {over: weight_decay, values: [0, 0.1]}\n"
    (part,) = load_experiment(write(text.replace("weight_decay: tune", "clip_norm: 5"))).parts
    conditions = conditions_of(part)
    assert [condition.optimizer.label for condition in conditions] == [
        "adam (schedule=cosine, warmup=0.1)",
        "adam (weight_decay=0.1, schedule=cosine, warmup=0.1)",
        "momentum (clip_norm=5, schedule=cosine, warmup=0.2)",
        "momentum (weight_decay=0.1, clip_norm=5, schedule=cosine, warmup=0.2)",
    ]
    assert [condition.point for condition in conditions] == [0, 0.1, 0, 0.1]
    with pytest.raises(UsageError, match="'tune' is none"):
        load_experiment(write(FILE.replace("wei", "clip_norm: 1, wei") + "sweep: {over: clip, values: [tune, 1]}\n"))


def test_it_is_tuned_and_run(write, tmp_path):
    store = open_store(tmp_path / "results.db")
    result = do(write(FILE), "paper", store)
    assert [study.spec.optimizer.recipe for study in store.studies()] == [
        {"schedule": "cosine", "warmup": 0.1},
        {"weight_decay": "tune", "schedule": "cosine", "warmup": 0.2},
    ]
    text, _ = page(result, tmp_path / "page")
    assert "adam (schedule=cosine, warmup=0.1)" in text
    assert "weight_decay" in text


def test_a_sweep_is_run(write, tmp_path):
    text = FILE.replace("[comparison, hyperparameters, search]", "[sweep]")
    text = (
        text.replace(", weight_decay: tune", "") + "hyperparameters: default\nsweep: {over: wd, values: [0, 0.1, 1]}\n"
    )
    result = do(write(text), "paper", open_store(tmp_path / "results.db"))
    found, _ = page(result, tmp_path / "page")
    for value in ("| 0 |", "| 0.1 |", "| 1 |"):
        assert value in " ".join(found.split())
