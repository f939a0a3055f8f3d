"""Optimizers with recipes, on noisy gradients of a fixed bowl."""

import torch

from lodo_bench.optimizers import load_optimizer, optimizer_spec
from lodo_bench.spec.tensors import Problem, TensorSpec
from tests.helpers import generators

N = 6


def noisy_gradient(x, step):
    """The gradient (P, n) of a bowl with noise that depends on the step alone, large enough for clipping to matter."""
    noise = torch.randn(N, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
    scales = torch.linspace(0.5, 3.0, N, dtype=torch.float64)
    return x * scales.to(x) + noise.to(x) * (1 + step % 3)


class BowlOracle:
    """Answers for the bowl on the batch of one step."""

    layers = (slice(0, N),)

    def __init__(self, step, planned):
        self.step, self.progress = step, step / planned

    def gradient(self, x):
        return noisy_gradient(x, self.step)

    def hessian(self, x):
        return torch.diag_embed(torch.linspace(0.5, 3.0, N, dtype=torch.float64).to(x).expand_as(x))


def start(population=1, dtype=torch.float64):
    return torch.linspace(-2, 2, N, dtype=dtype).repeat(population, 1)


def build(name, recipe, individuals=({},), planned=20, x=None, seeds=None):
    """The optimizer; individuals give hyperparameters that differ from the defaults."""
    spec = optimizer_spec(name, {}, recipe)
    kind = load_optimizer(spec)
    x = start(len(individuals)) if x is None else x
    rows = [{p.name: p.initial for p in kind.hyperparameters} | dict(own) for own in individuals]
    values = {p.name: x.new_tensor([row[p.name] for row in rows]) for p in kind.hyperparameters}
    problem = Problem((TensorSpec("x", (N,)),), planned)
    return kind(x, values, generators(range(len(rows)) if seeds is None else seeds), spec.options, problem)


def advance(optimizer, steps, planned=20):
    """Take the steps of these numbers, and return the points (steps, P, n) after each."""
    points = []
    for step in steps:
        optimizer.step(noisy_gradient(optimizer.x, step), BowlOracle(step, planned))
        points.append(optimizer.x.clone())
    return torch.stack(points)
