"""Table 8 of the paper (LODO §5.2, App. G): losses on the Rosenbrock function at the tuned values of Table 6."""

import numpy as np
import pytest
import torch

from lodo_bench.optimizers.base import GradientOnly
from lodo_bench.optimizers.lodo import Lodo
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.milestone_loss import milestone_loss
from lodo_bench.spec.outcome import Curve
from lodo_bench.spec.training import Individual
from lodo_bench.training.loop import train
from tests.helpers import build_task, generators, training_spec

STEPS = 200
LODO = {"meta_learning_rate": 0.0001394, "momentum": 0.897, "initial_learning_rate": 0.2946}
LODO_MEAN, LODO_DEVIATION = 1.040e-3, 2.14e-5


def scores(optimizer, hyperparameters, seeds):
    individuals = tuple(Individual((seed,), hyperparameters) for seed in range(seeds))
    outcomes = train(training_spec(optimizer, "rosenbrock", individuals=individuals, steps=STEPS))
    return [milestone_loss(outcome.curve, Milestone("steps", STEPS)) for outcome in outcomes]


@pytest.mark.parametrize(
    ("optimizer", "hyperparameters", "published"),
    [
        ("adam", {"learning_rate": 0.9704, "beta1": 0.864, "beta2": 0.99804}, 5.342e-5),
        ("yogi", {"learning_rate": 0.2991, "beta1": 0.9273, "beta2": 0.998787}, 7.916e-4),
    ],
)
def test_a_deterministic_optimizer_reaches_the_published_loss(optimizer, hyperparameters, published):
    (score,) = scores(optimizer, hyperparameters, seeds=1)
    assert score == pytest.approx(published, rel=0.01)


def test_lodo_reaches_the_published_loss():
    reached = scores("lodo", LODO, seeds=8)
    assert len(set(reached)) == 8
    assert np.mean(reached) == pytest.approx(LODO_MEAN, abs=2 * LODO_DEVIATION)


def losses_with_hidden_dimension(hidden_dim, seeds):
    task = build_task("rosenbrock", range(seeds))
    x = task.initial_point()
    values = {name: x.new_full((seeds,), value) for name, value in LODO.items()}
    optimizer = Lodo(x, values, generators(range(seeds)), {"hidden_dim": hidden_dim})
    losses = []
    for _ in range(STEPS):
        task.next_batch()
        loss, gradient = task.loss_and_gradient(x)
        losses.append(loss)
        optimizer.step(gradient, GradientOnly())
    return torch.stack(losses, dim=1).numpy()


def test_lodo_with_the_authors_hidden_dimension_has_the_published_mean():
    clock = np.array([0, STEPS]), np.array([0.0, 1.0])
    curves = [Curve(losses, *clock) for losses in losses_with_hidden_dimension(8, seeds=256)]
    mean = np.mean([milestone_loss(curve, Milestone("steps", STEPS)) for curve in curves])
    assert mean == pytest.approx(LODO_MEAN, rel=0.01)
