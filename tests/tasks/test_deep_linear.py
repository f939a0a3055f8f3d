"""Deep linear networks, against autograd of torch.nn modules."""

import pytest
import torch
from torch import nn

from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec
from lodo_bench.tasks import task_spec
from lodo_bench.tasks.deep_linear import DeepLinear
from lodo_bench.training.loop import train
from lodo_bench.training.validation import check_pair
from tests.helpers import build_task, generators, training_spec

SHAPES = [(1, 3), (1, 8), (2, 5), (3, 8), (4, 13)]


def target_of(task):
    """M, (P, w, w), from the gradient −M / w of the first matrix where it is 0 and the others are the identity."""
    first, *others = task.tensors
    width = first.shape[0]
    identity = torch.eye(width, dtype=torch.float64).flatten().repeat(task.population, len(others))
    gradient = task.loss_and_gradient(torch.cat([identity.new_zeros(task.population, first.size), identity], dim=1))[1]
    return -width * gradient[:, : first.size].view(-1, width, width)


def network(point, depth, width):
    """Return the modules whose weights are the parameters, in order."""
    model = nn.Sequential(*(nn.Linear(width, width, bias=False, dtype=point.dtype) for _ in range(depth)))
    nn.utils.vector_to_parameters(point, model.parameters())
    return model


@pytest.mark.parametrize(("depth", "width"), SHAPES)
def test_loss_and_gradient_are_those_of_a_sequential(depth, width):
    task = build_task("deep-linear", [1, 2, 3], depth=depth, width=width)
    x = task.initial_point() + 0.1
    targets = target_of(task)
    loss, gradient = task.loss_and_gradient(x)
    inputs = torch.eye(width, dtype=x.dtype)  # whitened: their covariance is the identity, up to a factor
    for index, point in enumerate(x):
        model = network(point, depth, width)
        expected = 0.5 * nn.functional.mse_loss(model(inputs), inputs @ targets[index].mT) * width
        expected.backward()
        torch.testing.assert_close(loss[index], expected.detach(), rtol=1e-12, atol=1e-14)
        flat = torch.cat([weight.grad.flatten() for weight in model.parameters()])
        torch.testing.assert_close(gradient[index], flat, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("depth", "width"), SHAPES)
def test_every_factorization_of_the_target_is_a_minimum(depth, width):
    task = build_task("deep-linear", [1, 2], depth=depth, width=width)
    identity = torch.eye(width, dtype=torch.float64).expand(2, width, width)
    x = torch.cat([target_of(task).flatten(1), *(identity.flatten(1) for _ in range(depth - 1))], dim=1)
    loss, gradient = task.loss_and_gradient(x)
    assert DeepLinear.optimal_loss({}).loss == 0
    assert loss.abs().max() < 1e-28
    assert gradient.abs().max() < 1e-14


def test_the_loss_is_about_one_at_the_start():
    task = DeepLinear(generators(range(200)), torch.float64, {"depth": 4, "width": 8})
    losses = task.loss_and_gradient(task.initial_point())[0]
    assert abs(losses.mean() - 1) < 5 * losses.std() / 200**0.5


def test_zero_is_a_saddle():
    task = build_task("deep-linear", [1])
    loss, gradient = task.loss_and_gradient(torch.zeros_like(task.initial_point()))
    assert loss > 0
    assert not gradient.any()


def test_its_tensors_are_matrices_that_cover_the_vector():
    task = build_task("deep-linear", [1], depth=3, width=5)
    assert [(tensor.name, tensor.shape, tensor.role) for tensor in task.tensors] == [
        (f"layer{index}.weight", (5, 5), "matrix") for index in (1, 2, 3)
    ]
    assert task.layers == (slice(0, 25), slice(25, 50), slice(50, 75))
    assert task.dimension == DeepLinear.dimension_for({"depth": 3, "width": 5}) == 75
    assert "matrices" in DeepLinear.offers


def test_padding_leaves_no_trace_in_the_population():
    """An individual of an odd width, whose matrices are not aligned in memory, equals one alone bit for bit."""
    together = build_task("deep-linear", range(6), depth=3, width=13)
    x = together.initial_point()
    losses, gradients = together.loss_and_gradient(x)
    for seed in range(6):
        alone = build_task("deep-linear", [seed], depth=3, width=13)
        loss, gradient = alone.loss_and_gradient(alone.initial_point())
        assert torch.equal(loss, losses[seed : seed + 1])
        assert torch.equal(gradient, gradients[seed : seed + 1])


def test_adam_fits_it():
    individual = Individual((0,), {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999})
    check_pair(task_spec("deep-linear", {}), OptimizerSpec("adam"))
    (outcome,) = train(training_spec("adam", TaskSpec("deep-linear"), individuals=(individual,), steps=1500))
    assert outcome.curve.losses[0] > 0.5
    assert outcome.curve.losses[-1] < 1e-3
