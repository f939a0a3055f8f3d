"""What a recipe may say, and the one form that it is stored in."""

import math

import pytest

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.optimizers import load_optimizer, optimizer_spec
from lodo_bench.optimizers.recipe import RECIPE
from lodo_bench.optimizers.recipe.schedule import learning_rate_factor


def recipe(name="adam", **entries):
    return dict(optimizer_spec(name, {}, entries).recipe)


@pytest.mark.parametrize(
    ("entries", "stored"),
    [
        ({}, {}),
        ({option.name: option.default for option in RECIPE if option.name != "cooldown"}, {}),
        ({"wd": "0.1", "clip": 2}, {"weight_decay": 0.1, "clip_norm": 2.0}),
        ({"clip_norm": 2, "weight_decay": 0.1}, {"weight_decay": 0.1, "clip_norm": 2.0}),
        ({"weight_decay": 0.1, "decay": "decoupled"}, {"weight_decay": 0.1}),
        ({"weight_decay": 0, "decay": "l2"}, {}),
        ({"schedule": "constant", "final_factor": 0.5}, {}),
        ({"schedule": "cosine", "final": 0}, {"schedule": "cosine"}),
        ({"schedule": "wsd", "cooldown": 0.2}, {"schedule": "wsd"}),
        ({"warmup": "tune", "weight_decay": "tune"}, {"weight_decay": "tune", "warmup": "tune"}),
    ],
)
def test_equal_recipes_have_one_form(entries, stored):
    found = recipe(**entries)
    assert found == stored
    assert list(found) == list(stored)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            {"weight_decay": -0.1},
            "invalid weight_decay = -0.1 for optimizer adam: must be a finite number, 0 or greater",
        ),
        ({"wd": math.inf}, "invalid wd = inf"),
        ({"clip_norm": "many"}, "invalid clip_norm = many"),
        ({"decay": "l1"}, "invalid decay = l1 for optimizer adam: must be decoupled or l2"),
        ({"decay": "tune", "weight_decay": 1}, "invalid decay = tune"),
        ({"schedule": "step"}, "must be constant or linear or cosine or wsd"),
        ({"warmup": 1}, "invalid warmup = 1 for optimizer adam: must be a number in \\[0, 1\\)"),
        ({"final_factor": 1.5, "schedule": "linear"}, "invalid final_factor = 1.5"),
        ({"cooldown": -1, "schedule": "wsd"}, "invalid cooldown = -1"),
        ({"wd": 1, "weight_decay": 1}, "weight_decay of optimizer adam is given twice"),
        ({"decay": "l2"}, "a decay but no weight_decay"),
        ({"final_factor": 0.1}, "a final_factor but no schedule"),
        ({"final_factor": "tune", "schedule": "constant"}, "no effect with schedule = constant"),
        ({"cooldown": 0.1}, "applies to schedule = wsd only"),
        ({"cooldown": 0.1, "schedule": "cosine"}, "applies to schedule = wsd only"),
    ],
)
def test_mistakes(entries, message):
    with pytest.raises(UsageError, match=message):
        recipe(**entries)


def test_unknown_entries_are_told_with_the_nearest_name():
    with pytest.raises(
        UnknownNameError, match=r"unknown recipe entry 'warm_up' of optimizer adam\. Did you mean 'warmup'"
    ):
        recipe(warm_up=0.1)


@pytest.mark.parametrize("name", ["newton", "levenberg-marquardt", "l2lbgdbgd"])
def test_methods_without_a_learning_rate(name):
    for entries in ({"schedule": "linear"}, {"warmup": 0.1}, {"weight_decay": 0.1}):
        with pytest.raises(UsageError, match=f"{name} has no learning rate"):
            recipe(name, **entries)
    kept = {"weight_decay": 0.1, "decay": "l2", "clip_norm": 1.0}
    assert recipe(name, **kept) == kept


def test_what_cannot_be_tuned():
    with pytest.raises(UsageError, match="clip_norm cannot be tuned for l2lbgdbgd, which is meta-trained"):
        recipe("l2lbgdbgd", clip_norm="tune")
    with pytest.raises(UsageError, match="weight_decay cannot be tuned for lars, which has a hyperparameter"):
        recipe("lars", weight_decay="tune")


def test_tuned_entries_are_hyperparameters():
    every = {"weight_decay": "tune", "clip_norm": "tune", "schedule": "wsd", "warmup": "tune"}
    spec = optimizer_spec("momentum", {}, {**every, "final_factor": "tune", "cooldown": "tune"})
    tuned = load_optimizer(spec).hyperparameters[2:]
    assert [(p.name, p.kind, p.default) for p in tuned] == [
        ("weight_decay", "rate", 0.01),
        ("clip_norm", "rate", 1.0),
        ("warmup", "decay", 0.1),
        ("final_factor", "decay", 0.1),
        ("cooldown", "decay", 0.2),
    ]
    assert not any(p.is_learning_rate for p in tuned)
    assert spec.label == (
        "momentum (weight_decay=tune, clip_norm=tune, schedule=wsd, warmup=tune, final_factor=tune, cooldown=tune)"
    )


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "wsd"])
@pytest.mark.parametrize("warmup", [0.0, 5e-308, 0.013, 0.5, math.nextafter(1, 0)])
@pytest.mark.parametrize("cooldown", [0.0, 5e-308, 0.2, math.nextafter(1, 0)])
@pytest.mark.parametrize("planned", [1, 2, 7, 1000])
def test_factors_are_fractions_at_every_extreme(shape, warmup, cooldown, planned):
    rest = {"warmup": warmup, "final_factor": 0.1, "cooldown": cooldown}
    steps = {0, 1, planned // 2, planned - 1, planned, planned + 1, 10 * planned}
    factors = [learning_rate_factor(shape, step, planned, **rest) for step in sorted(steps)]
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[-1] == (1.0 if shape == "constant" else pytest.approx(0.1, rel=1e-12))
