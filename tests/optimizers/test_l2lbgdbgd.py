"""L2LBGDBGD's network against a NumPy loop written from the formulas, and what becomes of its weights."""

import numpy as np
import torch

from lodo_bench.optimizers.base import GradientOnly
from lodo_bench.optimizers.l2lbgdbgd import HIDDEN, WEIGHTS, features
from tests.helpers import build_optimizer

STEPS, N = 50, 6


def gradient_at(x, t):
    """Of a loss that is not the same at any two steps; some entries are below exp(−10), some are zero."""
    scale = np.array([1.0, 1e-3, 1e-5, 1e-7, 0.0, 30.0])
    return scale * (np.cos(np.arange(N) + t) + 0.3 * x)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def network_input(g):
    if abs(g) >= np.exp(-10):
        return np.array([np.log(abs(g) + 1e-8) / 10, np.sign(g)])
    return np.array([-1.0, np.exp(10) * g])


def split(weights):
    """The matrices and biases in the order in which they lie in the flat vector."""
    shapes = [(2 + HIDDEN, 4 * HIDDEN), (4 * HIDDEN,), (2 * HIDDEN, 4 * HIDDEN), (4 * HIDDEN,), (HIDDEN,), (1,)]
    parts, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(weights[start : start + size].reshape(shape))
        start += size
    assert start == len(weights)
    return parts


def lstm(x, h, c, matrix, bias):
    i, f, g, o = np.split(np.concatenate((x, h)) @ matrix + bias, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def l2l(weights, x):
    first, first_bias, second, second_bias, output, offset = split(weights)
    points, state = [], np.zeros((N, 4, HIDDEN))
    for t in range(STEPS):
        g, new = gradient_at(x, t), x.copy()
        for j in range(N):
            h1, c1, h2, c2 = state[j]
            h1, c1 = lstm(network_input(g[j]), h1, c1, first, first_bias)
            h2, c2 = lstm(h1, h2, c2, second, second_bias)
            state[j] = h1, c1, h2, c2
            new[j] += 0.1 * (h2 @ output + offset[0])
        x = new
        points.append(x)
    return np.array(points)


def random_weights(seed):
    return np.random.default_rng(seed).normal(size=WEIGHTS, scale=0.4)


def start(individual):
    return np.sin(np.arange(N) + individual)


def test_fifty_steps_equal_the_formula():
    x = torch.tensor(np.array([start(0), start(1)]))
    optimizer = build_optimizer("l2lbgdbgd", x, [{}, {}], [0, 1])
    optimizer.set_weights(torch.tensor(np.array([random_weights(0), random_weights(1)])))
    points = []
    for t in range(STEPS):
        gradient = np.array([gradient_at(row, t) for row in x.numpy()])
        optimizer.step(torch.tensor(gradient), GradientOnly())
        points.append(x.numpy().copy())
    for p in range(2):
        expected = l2l(random_weights(p), start(p))
        assert np.abs(expected[-1] - start(p)).max() > 0.1
        np.testing.assert_allclose(np.array(points)[:, p], expected, rtol=1e-10, atol=1e-10)


def test_what_the_network_sees_is_finite_for_any_gradient():
    seen = features(torch.tensor([0.0, 1e-300, -1e300, np.exp(-10), -np.exp(-10.001)], dtype=torch.float64))
    assert seen.isfinite().all()
    assert seen.abs().max() < 100


def test_recalled_weights_are_those_of_every_individual():
    optimizer = build_optimizer("l2lbgdbgd", torch.zeros(3, N, dtype=torch.float64), [{}] * 3, range(3))
    assert not torch.equal(optimizer.weights[0], optimizer.weights[1])
    weights = random_weights(5)
    optimizer.load_weights(weights.astype("<f8").tobytes())
    np.testing.assert_array_equal(optimizer.weights.numpy(), np.tile(weights, (3, 1)))
