"""Optimizers say whether their steps depend on how many are planned."""

from dataclasses import replace

import numpy as np
import pytest

from lodo_bench.optimizers import OPTIMIZERS, load_optimizer
from lodo_bench.spec.training import OptimizerSpec
from lodo_bench.training.loop import train
from tests.helpers import training_spec

STEPS = 20
RECIPES = [{"schedule": "cosine"}, {"warmup": 0.5}, {"weight_decay": 0.1}]
OPTIMIZERS_WITH_RECIPES = [OptimizerSpec("adam", recipe=recipe) for recipe in RECIPES]


@pytest.mark.parametrize("optimizer", [*map(OptimizerSpec, OPTIMIZERS.names), *OPTIMIZERS_WITH_RECIPES], ids=str)
def test_a_longer_plan_changes_the_first_steps_of_those_that_are_scheduled(optimizer):
    losses = [
        train(replace(training_spec(optimizer.name, steps=steps), optimizer=optimizer))[0].curve.losses[:STEPS]
        for steps in (STEPS, 5 * STEPS)
    ]
    is_equal = np.allclose(*losses, rtol=1e-9, atol=0)
    assert is_equal == (not load_optimizer(optimizer).is_scheduled)
