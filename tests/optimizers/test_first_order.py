"""The first-order optimizers against plain NumPy loops and against PyTorch's own."""

import numpy as np
import pytest
import pytorch_optimizer
import torch

from lodo_bench.optimizers.base import GradientOnly
from tests.helpers import build_optimizer
from tests.optimizers import oracles

STEPS, DIMENSION = 50, 7

HYPERPARAMETERS = {
    "adam": [
        {"learning_rate": 0.05, "beta1": 0.9, "beta2": 0.999},
        {"learning_rate": 0.3, "beta1": 0.465, "beta2": 0.9884},
        {"learning_rate": 0.01, "beta1": 0.0, "beta2": 0.5},
    ],
    "momentum": [
        {"learning_rate": 0.1, "momentum": 0.9},
        {"learning_rate": 0.5, "momentum": 0.0},
        {"learning_rate": 0.01, "momentum": 0.3},
    ],
    "rmsprop": [
        {"learning_rate": 0.05, "rho": 0.9, "momentum": 0.5},
        {"learning_rate": 0.2, "rho": 0.05, "momentum": 0.0},
        {"learning_rate": 0.01, "rho": 0.5, "momentum": 0.9},
    ],
    "yogi": [
        {"learning_rate": 0.05, "beta1": 0.9, "beta2": 0.999},
        {"learning_rate": 0.1, "beta1": 0.4362, "beta2": 0.99},
        {"learning_rate": 0.3, "beta1": 0.0, "beta2": 0.5},
    ],
}


def noisy_gradient(individual):
    """Gradient of a bowl with a ripple, whose center is drawn afresh at every step."""
    random = np.random.default_rng(individual)
    curvature = np.geomspace(0.01, 2, DIMENSION)
    centers = random.normal(size=(STEPS, DIMENSION))
    return lambda t, x: curvature * (x - centers[t]) + 0.3 * np.cos(3 * x)


def start(individual):
    return np.random.default_rng(100 + individual).normal(size=DIMENSION)


def points_visited(name, population):
    x = torch.tensor(np.array([start(p) for p in range(population)]))
    optimizer = build_optimizer(name, x, HYPERPARAMETERS[name][:population], range(population))
    gradients = [noisy_gradient(p) for p in range(population)]
    points = [x.numpy().copy()]
    for t in range(STEPS):
        gradient = np.array([g(t, row) for g, row in zip(gradients, x.numpy(), strict=True)])
        optimizer.step(torch.tensor(gradient), GradientOnly())
        points.append(x.numpy().copy())
    return np.array(points)


@pytest.mark.parametrize("population", [1, 3])
@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_fifty_steps_equal_the_formula(name, population):
    visited = points_visited(name, population)
    for p in range(population):
        rule = getattr(oracles, name)
        expected = rule(noisy_gradient(p), start(p), STEPS, **HYPERPARAMETERS[name][p])
        np.testing.assert_allclose(visited[:, p], expected, rtol=1e-10, atol=1e-10)


def points_of_torch(build, gradient, x, before_step=lambda optimizer, count: None):
    parameter = torch.tensor(x, requires_grad=True)
    optimizer = build([parameter])
    points = [x]
    for t in range(STEPS):
        parameter.grad = torch.tensor(gradient(t, parameter.detach().numpy()))
        before_step(optimizer, t + 1)
        optimizer.step()
        points.append(parameter.detach().numpy().copy())
    return np.array(points)


def points_of_ours(name, hyperparameters, gradient, x):
    population = torch.tensor(x).unsqueeze(0)
    optimizer = build_optimizer(name, population, [hyperparameters], [0])
    points = [x]
    for t in range(STEPS):
        optimizer.step(torch.tensor(gradient(t, population[0].numpy())).unsqueeze(0), GradientOnly())
        points.append(population[0].numpy().copy())
    return np.array(points)


@pytest.mark.parametrize("values", HYPERPARAMETERS["adam"])
def test_adam_is_torchs_with_epsilon_divided_by_the_bias_correction(values):
    betas = values["beta1"], values["beta2"]

    def set_epsilon(optimizer, count):
        optimizer.param_groups[0]["eps"] = 1e-7 / (1 - values["beta2"] ** count) ** 0.5

    def build(parameters):
        return torch.optim.Adam(parameters, values["learning_rate"], betas)

    theirs = points_of_torch(build, noisy_gradient(0), start(0), set_epsilon)
    ours = points_of_ours("adam", values, noisy_gradient(0), start(0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("values", HYPERPARAMETERS["momentum"])
def test_momentum_is_torchs_sgd_while_the_rate_is_constant(values):
    def build(parameters):
        return torch.optim.SGD(parameters, values["learning_rate"], values["momentum"])

    theirs = points_of_torch(build, noisy_gradient(0), start(0))
    ours = points_of_ours("momentum", values, noisy_gradient(0), start(0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("values", HYPERPARAMETERS["rmsprop"])
def test_rmsprop_is_torchs_where_epsilon_is_negligible(values):
    # With |g| >= 1e3 and ρ <= 0.9 the mean square a is at least 1e5, so √(a + 1e-7) is √a up to 1e-12 of it.
    def large_gradient(t, x):
        return 1e3 * (2 + np.sin(10 * x + t)) * (-1) ** (np.arange(DIMENSION) + t // 3)

    def build(parameters):
        return torch.optim.RMSprop(
            parameters, values["learning_rate"], values["rho"], eps=0, momentum=values["momentum"]
        )

    theirs = points_of_torch(build, large_gradient, start(0))
    ours = points_of_ours("rmsprop", values, large_gradient, start(0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_rmsprops_epsilon_is_inside_the_root():
    tiny = 1e-6
    values = {"learning_rate": 1.0, "rho": 0.0, "momentum": 0.0}
    points = points_of_ours("rmsprop", values, lambda t, x: np.full(DIMENSION, tiny), np.zeros(DIMENSION))
    np.testing.assert_allclose(points[1], -tiny / np.sqrt(tiny**2 + 1e-7), rtol=1e-12)


@pytest.mark.parametrize("values", HYPERPARAMETERS["yogi"])
def test_yogi_is_pytorch_optimizers_with_its_bias_corrections_undone(values):
    def undo(optimizer, count):
        first, second = 1 - values["beta1"] ** count, (1 - values["beta2"] ** count) ** 0.5
        optimizer.param_groups[0].update(lr=values["learning_rate"] * first / second, eps=1e-3 / second)

    def build(parameters):
        betas = values["beta1"], values["beta2"]
        return pytorch_optimizer.Yogi(parameters, betas=betas, initial_accumulator=0.0)

    theirs = points_of_torch(build, noisy_gradient(0), start(0), undo)
    ours = points_of_ours("yogi", values, noisy_gradient(0), start(0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


def test_yogis_first_step_is_not_corrected_for_bias():
    values = {"learning_rate": 1.0, "beta1": 0.9, "beta2": 0.9999}
    points = points_of_ours("yogi", values, lambda t, x: np.ones(DIMENSION), np.zeros(DIMENSION))
    np.testing.assert_allclose(points[1], -0.1 / (0.01 + 1e-3), rtol=1e-10)
