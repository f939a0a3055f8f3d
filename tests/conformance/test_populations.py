"""The results of an individual depend on it alone, bit for bit, however many are trained together."""

import importlib.util
from dataclasses import replace

import pytest

from lodo_bench.compute.threads import single_thread
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.training.loop import train
from tests.helpers import another_value, training_spec

COUNT, STEPS = 8, 16
TASKS = [TaskSpec("quadratic", {"dimension": 12}), TaskSpec("rosenbrock")]
WITHOUT_NUMBA = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")


def slow_individual(name, index):
    """Return an individual with rates at which few diverge."""
    values = {p.name: another_value(p, index) for p in OPTIMIZERS.load(name).hyperparameters}
    return Individual((index,), {key: value * 0.02 if "rate" in key else value for key, value in values.items()})


def losses(spec, size):
    """Train the individuals, so many at a time, and return the losses of each as bytes."""
    shards = [spec.individuals[start : start + size] for start in range(0, COUNT, size)]
    outcomes = [outcome for shard in shards for outcome in train(replace(spec, individuals=shard))]
    return [outcome.curve.losses.tobytes() for outcome in outcomes]


@pytest.mark.parametrize("backend", ["torch", pytest.param("numba", marks=WITHOUT_NUMBA)])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS.names if OPTIMIZERS.load(name).search == "genetic"])
def test_losses_do_not_depend_on_how_many_are_trained_together(name, task, backend):
    individuals = tuple(slow_individual(name, index) for index in range(COUNT))
    spec = training_spec(name, task, purpose="tuning", individuals=individuals, steps=STEPS, backend=backend)
    with single_thread():
        alone, by_threes, together = (losses(spec, size) for size in (1, 3, COUNT))
    assert by_threes == alone
    assert together == alone
    assert sum(len(curve) == 8 * STEPS for curve in alone) >= COUNT // 2, "most have diverged"
    assert len(set(alone)) == COUNT or not individuals[0].hyperparameters
