"""What every registered optimizer must do."""

import numpy as np
import pytest
import torch

from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.conformance.cases import vary
from lodo_bench.conformance.checks import OPTIMIZER_CHECKS
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual
from lodo_bench.training.loop import train
from lodo_bench.training.validation import check_pair
from tests.helpers import (
    LOCKSTEP,
    TYPICAL,
    TaskOracle,
    build_optimizer,
    build_task,
    defaults,
    small_task,
    training_spec,
)

BACKENDS = sorted({"torch", best_backend("cpu")})

pytestmark = pytest.mark.parametrize("name", OPTIMIZERS.names)


def stepped(name, individuals, seeds, steps=6):
    """The optimizer after some steps on bowls that are the same for every individual."""
    task = build_task("quadratic", [0] * len(seeds), dimension=10)
    optimizer = build_optimizer(name, task.initial_point() + 1, individuals, seeds)
    for _ in range(steps):
        task.next_batch()
        optimizer.step(task.loss_and_gradient(optimizer.x)[1], TaskOracle(task))
    return optimizer


@pytest.mark.parametrize(("task", "dtype"), [*((task, "float64") for task in TYPICAL), ("quadratic", "float32")])
def test_it_trains_every_task_or_says_that_it_diverged(name, task, dtype):
    if task == "mnist" and OPTIMIZERS.load(name).complexity != "O(n)":
        pytest.skip("takes a while with 94,696 parameters, and cifar10 has fewer here")
    population, steps = (2, 100) if task in LOCKSTEP else (1, 3)
    individuals = tuple(Individual((key,), defaults(name)) for key in range(population))
    spec = training_spec(name, small_task(task), individuals=individuals, steps=steps, dtype=dtype)
    try:
        check_pair(spec.task, spec.optimizer)
    except UsageError as error:
        pytest.skip(str(error))
    for outcome in train(spec):
        losses = outcome.curve.losses
        assert len(losses) == outcome.steps
        assert np.isfinite(losses[:-1]).all()
        if np.isfinite(losses[-1]):
            assert (outcome.status, outcome.steps) == (Status.COMPLETED, steps)
        else:
            assert outcome.status is Status.DIVERGED


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", OPTIMIZER_CHECKS)
def test_it_keeps_the_rules(name, rule, backend):
    with use_backend(backend):
        OPTIMIZER_CHECKS[rule](OPTIMIZERS.load(name))


def test_every_step_moves_every_coordinate(name):
    task = build_task("quadratic", [1, 2], dimension=5)
    optimizer = build_optimizer(name, torch.ones(2, 5, dtype=torch.float64), [defaults(name)] * 2, [1, 2])
    for _ in range(3):
        before = optimizer.x.clone()
        task.next_batch()
        optimizer.step(task.loss_and_gradient(optimizer.x)[1], TaskOracle(task))
        assert (optimizer.x != before).all()


def test_every_hyperparameter_matters_to_its_individual_alone(name):
    for parameter in OPTIMIZERS.load(name).hyperparameters:
        changed = {**defaults(name), parameter.name: vary(parameter, 1)}
        first, second, third = stepped(name, [defaults(name), changed, defaults(name)], [7, 7, 7]).x
        assert torch.equal(first, third)
        assert not torch.equal(first, second), f"{parameter.name} makes no difference"


def test_hyperparameters_are_described(name):
    assert all(parameter.description for parameter in OPTIMIZERS.load(name).hyperparameters)


def test_its_documentation_gives_a_reference(name):
    assert "Reference" in OPTIMIZERS.load(name).__doc__
