"""What every registered optimizer must do."""

import numpy as np
import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import train
from lodo_bench.training.validation import check_pair
from tests.helpers import (
    LOCKSTEP,
    TaskOracle,
    another_value,
    build_optimizer,
    build_task,
    defaults,
    small_task,
    training_spec,
)

pytestmark = pytest.mark.parametrize("name", OPTIMIZERS.names)


def stepped(name, individuals, seeds, steps=6, dtype=torch.float64):
    """The optimizer after some steps on bowls that are the same for every individual."""
    task = build_task("quadratic", [0] * len(seeds), dtype, dimension=10)
    optimizer = build_optimizer(name, task.initial_point() + 1, individuals, seeds)
    for _ in range(steps):
        task.next_batch()
        optimizer.step(task.loss_and_gradient(optimizer.x)[1], TaskOracle(task))
    return optimizer


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("task", TASKS.names)
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


def test_it_moves_x_in_place(name):
    task = build_task("quadratic", [1, 2], dimension=5)
    x = torch.ones(2, 5, dtype=torch.float64)
    address = x.data_ptr()
    optimizer = build_optimizer(name, x, [defaults(name)] * 2, [1, 2])
    for _ in range(3):
        before = x.clone()
        task.next_batch()
        optimizer.step(task.loss_and_gradient(x)[1], TaskOracle(task))
        assert (x != before).all()
    assert optimizer.x is x
    assert x.data_ptr() == address


def test_it_does_not_modify_the_gradient(name):
    task = build_task("quadratic", [1, 2], dimension=5)
    optimizer = build_optimizer(name, task.initial_point(), [defaults(name)] * 2, [1, 2])
    for _ in range(3):
        task.next_batch()
        gradient = task.loss_and_gradient(optimizer.x)[1]
        given = gradient.clone()
        optimizer.step(gradient, TaskOracle(task))
        assert torch.equal(gradient, given)


def test_it_does_not_keep_the_gradient(name):
    """A task may hand out the same memory at every step."""
    gradients = torch.randn(4, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    oracle = TaskOracle(build_task("quadratic", [1, 2], dimension=5))
    results = []
    for reuse in (False, True):
        optimizer = build_optimizer(name, torch.ones(2, 5, dtype=torch.float64), [defaults(name)] * 2, [1, 2])
        memory = torch.empty(2, 5, dtype=torch.float64)
        for gradient in gradients:
            optimizer.step(memory.copy_(gradient) if reuse else gradient.clone(), oracle)
        results.append(optimizer.x)
    assert torch.equal(*results)


def test_every_hyperparameter_matters_to_its_individual_alone(name):
    for parameter in OPTIMIZERS.load(name).hyperparameters:
        changed = {**defaults(name), parameter.name: another_value(parameter)}
        first, second, third = stepped(name, [defaults(name), changed, defaults(name)], [7, 7, 7]).x
        assert torch.equal(first, third)
        assert not torch.equal(first, second), f"{parameter.name} makes no difference"


def test_single_precision_stays_single(name):
    single = stepped(name, [defaults(name)], [7], dtype=torch.float32).x
    assert single.dtype == torch.float32


def test_hyperparameters_are_declared_properly(name):
    kind = OPTIMIZERS.load(name)
    names = [n for p in kind.hyperparameters for n in {p.name, p.alias}]
    assert len(set(names)) == len(names)
    for parameter in kind.hyperparameters:
        assert parameter.validate(parameter.default, name) == parameter.default
        assert parameter.kind in ("rate", "decay")
        assert parameter.description


def test_its_documentation_gives_a_reference(name):
    assert "Reference" in OPTIMIZERS.load(name).__doc__
