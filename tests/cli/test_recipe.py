"""Recipes on the command line: tuned, run, stored and shown."""

import csv
import json
from dataclasses import replace

import pytest

from lodo_bench.optimizers import optimizer_spec
from lodo_bench.spec.milestone_loss import milestone_loss
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.training.loop import train
from tests.builders import at_steps
from tests.cli.runner import Place
from tests.helpers import training_spec

RECIPE = ("-R", "schedule=cosine", "--recipe", "weight_decay=tune", "-R", "clip=tune", "-R", "warmup=tune")
STORED = {"weight_decay": "tune", "clip_norm": "tune", "schedule": "cosine", "warmup": "tune"}
LABEL = "(weight_decay=tune, clip_norm=tune, schedule=cosine, warmup=tune)"
TASK = ("--task", "quadratic", "-T", "n=6")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("recipe"))
    schedule = place.schedule(20, 30, population=4)
    tuned = place.run_here("tune", "adam", "lodo", *TASK, "--schedule", schedule, "--workers", 0, *RECIPE, "--json")
    assert tuned.code == 0, tuned.stderr
    place.studies = tuned.document["studies"]
    return place


def run(place, *arguments):
    return place.run_here("run", *arguments, *TASK, "--steps", 40, "--seeds", 2, "--untimed", "--json")


def test_searches_find_the_tuned_entries(place):
    assert [study["optimizer_recipe"] for study in place.studies] == [STORED, STORED]
    for study in place.studies:
        assert set(study["hyperparameters"]) >= {"weight_decay", "clip_norm", "warmup"}
        assert 0 < study["hyperparameters"]["warmup"] < 1
        assert study["hyperparameters"]["clip_norm"] != 1


def test_final_runs_have_the_tuned_recipe(place):
    result = run(place, "adam", "lodo", *RECIPE, "--from", "tuned")
    assert result.code == 0, result.stderr
    for found, study in zip(result.document["run_sets"], place.studies, strict=True):
        assert found["optimizer_recipe"] == STORED
        assert found["optimizer_version"] == ""
        assert found["hyperparameters"] == study["hyperparameters"]
        assert found["study_id"] == study["study"]
        assert [each["status"] for each in found["runs"]] == ["completed"] * 2


def test_tuned_and_given_values_train_alike(place):
    """The losses of the command are those of a training with the same numbers as a fixed recipe."""
    adam = place.studies[0]
    values = adam["hyperparameters"]
    found = run(place, "adam", *RECIPE).document
    given = {name: values[name] for name in ("weight_decay", "clip_norm", "warmup")}
    own = {name: value for name, value in values.items() if name not in given}
    individuals = tuple(Individual((seed,), own) for seed in range(2))
    spec = training_spec("adam", TaskSpec("quadratic", {"dimension": 6}), individuals=individuals, steps=40)
    spec = replace(spec, optimizer=optimizer_spec("adam", {}, {"schedule": "cosine", **given}))
    for outcome, each in zip(train(spec), found["runs"], strict=True):
        assert each["milestones"]["steps:40"]["loss"] == pytest.approx(
            milestone_loss(outcome.curve, at_steps(40)), rel=1e-9
        )


def test_recipes_are_apart_from_the_plain_update(place):
    plain = run(place, "adam")
    assert plain.document["hyperparameters_source"] == "default"
    refused = run(place, "adam", "-R", "schedule=cosine", "--from", "tuned")
    assert refused.code == 2
    assert "adam (schedule=cosine) has not been tuned" in refused.message
    assert "lodo-bench tune --task quadratic -T dimension=6 --optimizer adam -R schedule=cosine" in refused.message
    paper = run(place, "adam", "-R", "schedule=cosine", "--from", "paper")
    assert "the paper's hyperparameters of adam (schedule=cosine)" in paper.message


def test_recipes_are_shown(place):
    run(place, "adam", *RECIPE)
    run(place, "adam")
    rows = place.run_here("report", "--format", "csv").stdout.splitlines()
    recipes = {row["optimizer_recipe"] for row in csv.DictReader(rows)}
    assert recipes >= {"{}", json.dumps(STORED)}
    assert f"| adam {LABEL} |" in " ".join(place.run_here("report").stdout.split())
    assert f"adam {LABEL}" in place.run_here("list", "studies").stdout
    assert f"adam {LABEL} on quadratic" in place.run_here("show", "study", 1).stdout
    for arguments in (("plot", "search", "-o", "s.svg"), ("report", "--format", "html", "-o", "r.html")):
        assert place.run_here(*arguments).code == 0


def test_a_sweep_over_an_entry(place):
    for value in (0, 0.1, 0.2):
        assert run(place, "momentum", "-R", f"wd={value}", "-R", "clip=5").code == 0
    result = place.run_here("plot", "sweep", "--over", "wd", "--optimizer", "momentum", "-o", "w.svg")
    assert result.code == 0, result.stderr
    assert "momentum (clip_norm=5)" in result.stdout + result.stderr


def test_mistakes_are_told(place):
    wrong = run(place, "newton", "-R", "schedule=cosine")
    assert wrong.code == 2
    assert wrong.message.startswith("lodo-bench: newton has no learning rate")
    assert "is not of the form name=value" in run(place, "adam", "-R", "cosine").message
    assert "must be a number in [0, 1)" in run(place, "adam", "-R", "warmup=2").message
