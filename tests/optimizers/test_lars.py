"""LARS against a NumPy loop written from the formulas."""

import numpy as np
import pytorch_optimizer
import torch

from lodo_bench.training.loop import train
from tests.helpers import build_optimizer, training_spec

VALUES = [
    {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.01},
    {"learning_rate": 0.02, "momentum": 0.9, "weight_decay": 0.3},
]
LAYERS = (slice(0, 3), slice(3, 4), slice(4, 9))
STEPS = 50


class Layered:
    layers = LAYERS

    def __init__(self):
        self.progress = 0.0


def gradient_at(x, t):
    """Of a loss that is not the same at any two steps."""
    return np.cos(np.arange(9.0) + t) + 0.3 * x


def lars(x, layers, *, learning_rate, momentum, weight_decay):
    points, velocity = [], np.zeros_like(x)
    for t in range(STEPS):
        g, new = gradient_at(x, t), x.copy()
        for layer in layers:
            size = np.linalg.norm(x[layer])
            local = size / (np.linalg.norm(g[layer]) + weight_decay * size) if size else 1.0
            rate = learning_rate * (1 - t / STEPS) ** 2
            velocity[layer] = momentum * velocity[layer] + rate * local * (g[layer] + weight_decay * x[layer])
            new[layer] = x[layer] - velocity[layer]
        x = new
        points.append(x)
    return np.array(points)


def test_the_trajectory_is_that_of_numpy():
    start = np.sin(np.arange(18.0)).reshape(2, 9)
    start[1, LAYERS[1]] = 0  # a layer that the ratio would hold at 0
    x, oracle = torch.tensor(start), Layered()
    optimizer = build_optimizer("lars", x, VALUES, [0, 1])
    points = []
    for t in range(STEPS):
        oracle.progress = t / STEPS
        optimizer.step(torch.tensor(gradient_at(x.numpy(), t)), oracle)
        points.append(x.clone().numpy())
    for p, values in enumerate(VALUES):
        np.testing.assert_allclose(np.array(points)[:, p], lars(start[p], LAYERS, **values), rtol=1e-10, atol=1e-10)


def test_the_trajectory_is_pytorch_optimizers_while_the_rate_is_constant():
    values, start = VALUES[0], np.sin(np.arange(9.0))
    x, oracle = torch.tensor(start).unsqueeze(0), Layered()
    ours = build_optimizer("lars", x, [values], [0])
    parameters = [torch.tensor(start[layer][None, :], requires_grad=True) for layer in LAYERS]
    rate, momentum, decay = values.values()
    theirs = pytorch_optimizer.LARS(parameters, lr=rate, momentum=momentum, weight_decay=decay, trust_coefficient=1.0)
    for t in range(STEPS):
        gradient = gradient_at(x[0].numpy(), t)
        for parameter, layer in zip(parameters, LAYERS, strict=True):
            parameter.grad = torch.tensor(gradient[layer][None, :])
        theirs.step()
        ours.step(torch.tensor(gradient).unsqueeze(0), oracle)
        expected = torch.cat([parameter.detach()[0] for parameter in parameters])
        np.testing.assert_allclose(x[0].numpy(), expected.numpy(), rtol=1e-10, atol=1e-10)


def test_it_starts_off_the_origin_of_the_quadratic():
    (outcome,) = train(training_spec("lars", steps=300))
    (still,) = train(training_spec("lars", steps=2))
    assert outcome.status == "completed"
    assert outcome.curve.losses[0] == still.curve.losses[0]
    assert np.isfinite(outcome.curve.losses).all()


def test_the_rate_falls_to_zero_with_progress():
    x, oracle = torch.ones(1, 9, dtype=torch.float64), Layered()
    optimizer = build_optimizer("lars", x, [{**VALUES[0], "momentum": 0.0}], [0])
    oracle.progress = 1.0
    optimizer.step(torch.ones(1, 9, dtype=torch.float64), oracle)
    assert torch.equal(x, torch.ones(1, 9, dtype=torch.float64))
