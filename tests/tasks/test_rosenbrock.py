"""The rescaled Rosenbrock valley (LODO §5.2)."""

import torch

from tests.helpers import build_task


def formula(point):
    x, y = point.unbind(-1)
    return 0.01 * (1 - x) ** 2 + (y - x**2) ** 2


def points(count):
    return 2 * torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_value_and_gradient_equal_the_formula_and_its_autograd():
    x = points(50).requires_grad_()
    loss, gradient = build_task("rosenbrock", range(50)).loss_and_gradient(x.detach())
    formula(x).sum().backward()
    torch.testing.assert_close(loss, formula(x.detach()), rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, x.grad, rtol=1e-13, atol=1e-13)


def test_the_minimum_is_at_one_one():
    minimum = torch.ones(1, 2, dtype=torch.float64)
    loss, gradient = build_task("rosenbrock", [0]).loss_and_gradient(minimum)
    assert loss.item() == 0
    assert not gradient.any()
    nearby = minimum + 0.1 * points(100)
    assert (build_task("rosenbrock", range(100)).loss_and_gradient(nearby)[0] > 0).all()


def test_everybody_starts_at_the_published_point():
    start = build_task("rosenbrock", range(3)).initial_point()
    assert start.tolist() == [[-0.5, 2.0]] * 3


def test_a_fresh_batch_is_the_same_function():
    task, x = build_task("rosenbrock", [0]), points(1)
    before = task.loss_and_gradient(x)
    task.next_batch()
    assert all(torch.equal(a, b) for a, b in zip(before, task.loss_and_gradient(x), strict=True))


def test_there_is_no_bound_above_zero():
    assert type(build_task("rosenbrock", [0])).optimal_loss({}) is None
