"""Every registered optimizer and task goes on bit for bit from its state, in another object."""

import io
import random

import pytest
import torch

from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.tasks import TASKS
from tests.helpers import LOCKSTEP, TaskOracle, build_optimizer, build_task, varied_individual

SEEDS = (1, 2)
CPU = torch.device("cpu")
BACKENDS = sorted({"torch", best_backend("cpu")})


def filed(state):
    """A state as it comes back from a file."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def optimizer_at(name, x):
    individuals = [varied_individual(name, index).hyperparameters for index in range(len(x))]
    return build_optimizer(name, x, individuals, SEEDS[: len(x)])


def advance(optimizer, gradients, oracle):
    for gradient in gradients:
        optimizer.step(gradient, oracle)


def steps_of(task):
    """Around the end of what a quadratic draws at once; a network, which takes a while, draws anew at every step."""
    return (0, 1, 127, 128, 150) if task in LOCKSTEP else (0, 3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_an_optimizer_goes_on_from_its_state(name, backend):
    steps = random.Random(name).randint(1, 60)
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(80, 2, 10, dtype=torch.float64, generator=generator)
    oracle = TaskOracle(build_task("quadratic", SEEDS, dimension=10))
    with use_backend(backend):
        first, second, used = (optimizer_at(name, torch.ones(2, 10, dtype=torch.float64)) for _ in range(3))
    advance(first, gradients[:steps], oracle)
    advance(used, gradients[40:], oracle)
    state, x = filed(first.state_dict()), first.x.clone()
    advance(first, gradients[steps:], oracle)
    for other in (second, used):
        other.x.copy_(x)
        other.load_state_dict(state, CPU)
        advance(other, gradients[steps:], oracle)
        assert torch.equal(first.x, other.x)


@pytest.mark.parametrize(("name", "steps"), [(name, steps) for name in TASKS.names for steps in steps_of(name)])
def test_a_task_goes_on_from_its_state(name, steps):
    first, second, used = (build_task(name, SEEDS) for _ in range(3))
    more, others = (200, 70) if name in LOCKSTEP else (3, 2)
    x = first.initial_point() + 1

    def losses(task, count):
        found = []
        for _ in range(count):
            task.next_batch()
            found.append(task.loss_and_gradient(x)[0].clone())
        return found

    losses(first, steps)
    losses(used, others)
    state = filed(first.state_dict())
    now = first.loss_and_gradient(x)[0]
    expected = losses(first, more)
    for other in (second, used):
        other.load_state_dict(state, CPU)
        assert torch.equal(other.loss_and_gradient(x)[0], now)
        assert all(torch.equal(a, b) for a, b in zip(losses(other, more), expected, strict=True))
