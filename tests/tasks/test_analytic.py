"""Test functions of nonlinear optimization, against SciPy, NumPy and central differences."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import rosen, rosen_der, rosen_hess

from lodo_bench.errors import UsageError
from lodo_bench.tasks import task_spec
from lodo_bench.tasks.analytic import AnalyticFunctions
from lodo_bench.tasks.functions import FUNCTIONS
from tests.helpers import build_task

FIXED = ("beale", "booth", "himmelblau")
# Every function in each dimension that is tested.
PROBLEMS = [(name, n) for name in FUNCTIONS for n in ((2,) if name in FIXED else (2, 3, 7))]


def ackley(x):
    root = math.sqrt(np.mean(x**2))
    return -20 * math.exp(-0.2 * root) - math.exp(np.mean(np.cos(2 * np.pi * x))) + 20 + math.e


def beale(x):
    return sum((c - x[0] + x[0] * x[1] ** k) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def levy(x):
    w = (x + 3) / 4
    middle = sum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:-1])
    return math.sin(math.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)


FORMULAS = {
    "rosenbrock": rosen,
    "ackley": ackley,
    "beale": beale,
    "booth": lambda x: (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2,
    "himmelblau": lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
    "levy": levy,
    "rastrigin": lambda x: 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x)),
    "styblinski-tang": lambda x: np.sum(x**4 - 16 * x**2 + 5 * x) / 2,
}


def points(count, n):
    return 2 * torch.randn(count, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def build(name, n, count=1, **options):
    return build_task("test-functions", range(count), function=name, dimension=n, **options)


def minimizer(name, n):
    found = FUNCTIONS[name].minimizer
    return torch.tensor([[found[index % len(found)] for index in range(n)]], dtype=torch.float64)


@pytest.mark.parametrize(("name", "n"), PROBLEMS)
def test_values_are_those_of_the_formula(name, n):
    x = points(20, n)
    expected = [FORMULAS[name](row) for row in x.numpy()]
    np.testing.assert_allclose(build(name, n, 20).loss_and_gradient(x)[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("ackley", (1.0, 1.0), 3.6253849384403627),
        ("beale", (0.0, 0.0), 14.203125),
        ("booth", (0.0, 0.0), 74.0),
        ("himmelblau", (0.0, 0.0), 170.0),
        ("rastrigin", (0.5, 0.5), 40.5),
        ("styblinski-tang", (1.0, 1.0), -10.0),
    ],
)
def test_values_are_those_known(name, point, value):
    x = torch.tensor([point], dtype=torch.float64)
    assert build(name, 2).loss_and_gradient(x)[0].item() == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize(("name", "n"), PROBLEMS)
def test_gradients_are_the_central_differences_of_the_formula(name, n):
    x, width = points(20, n), 1e-5
    gradient = build(name, n, 20).loss_and_gradient(x)[1]
    formula, steps = FORMULAS[name], width * np.eye(n)
    expected = [[(formula(row + step) - formula(row - step)) / (2 * width) for step in steps] for row in x.numpy()]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("n", [2, 5])
def test_rosenbrock_has_the_derivatives_of_scipy(n):
    x = points(20, n)
    task = build("rosenbrock", n, 20)
    np.testing.assert_allclose(task.loss_and_gradient(x)[1], [rosen_der(row) for row in x.numpy()], rtol=1e-12)
    np.testing.assert_allclose(task.hessian(x), [rosen_hess(row) for row in x.numpy()], rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize(("name", "n"), PROBLEMS)
def test_hessians_are_the_central_differences_of_gradients(name, n):
    x, width = points(5, n), 1e-5
    task = build(name, n, 5)
    steps = width * torch.eye(n, dtype=torch.float64)
    columns = [task.loss_and_gradient(x + s)[1] - task.loss_and_gradient(x - s)[1] for s in steps]
    expected = torch.stack(columns, dim=2) / (2 * width)
    torch.testing.assert_close(task.hessian(x), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("name", "n"), PROBLEMS)
def test_the_minimum_is_stationary_and_has_the_stated_value(name, n):
    bound = AnalyticFunctions.optimal_loss({"function": name, "dimension": n})
    loss, gradient = build(name, n).loss_and_gradient(minimizer(name, n))
    assert loss.item() == pytest.approx(bound.loss, rel=1e-14, abs=1e-25)
    assert gradient.abs().max() < 1e-12
    assert bound.name == "global minimum"


@pytest.mark.parametrize(("name", "n"), PROBLEMS)
def test_no_other_point_is_below_the_minimum(name, n):
    bound = AnalyticFunctions.optimal_loss({"function": name, "dimension": n}).loss
    near, far = minimizer(name, n) + 0.05 * points(500, n), 3 * points(500, n)
    for x in (near, far):
        assert (build(name, n, 500).loss_and_gradient(x)[0] > bound).all()


@pytest.mark.parametrize(("name", "n"), PROBLEMS)
def test_everybody_starts_at_the_same_point_which_is_not_stationary(name, n):
    task = build(name, n, 3)
    start = task.initial_point()
    assert torch.equal(start, start[:1].expand(3, n))
    assert task.loss_and_gradient(start)[1].abs().max() > 0.1


def test_the_starting_point_repeats_the_published_coordinates():
    assert build("rosenbrock", 5).initial_point().tolist() == [[-1.2, 1, -1.2, 1, -1.2]]


def test_noise_is_unbiased_has_the_given_variance_and_vanishes_from_the_loss_at_the_minimum():
    noisy, exact = build("himmelblau", 2, 4, noise_variance=4), build("himmelblau", 2, 4)
    x, best = points(4, 2), minimizer("himmelblau", 2).repeat(4, 1)
    gradients = []
    for _ in range(2000):
        noisy.next_batch()
        gradients.append(noisy.loss_and_gradient(x)[1] - exact.loss_and_gradient(x)[1])
    noise = torch.stack(gradients)
    deviation = noise.numel() ** -0.5
    assert abs(noise.mean()) < 5 * 2 * deviation
    assert abs(noise.square().mean() / 4 - 1) < 5 * 2**0.5 * deviation
    assert torch.equal(noisy.loss_and_gradient(best)[0], exact.loss_and_gradient(best)[0])


@pytest.mark.parametrize("name", FIXED)
def test_a_function_of_two_parameters_refuses_more(name):
    with pytest.raises(UsageError, match=rf"^{name} has exactly 2 parameters, not dimension = 3\. Omit the dimension"):
        task_spec("test-functions", {"function": name, "dimension": 3})


def test_rosenbrock_needs_two_parameters():
    with pytest.raises(UsageError, match=r"^rosenbrock needs at least 2 parameters, not dimension = 1\."):
        task_spec("test-functions", {"dimension": 1})


def test_an_unknown_function_is_refused():
    with pytest.raises(UsageError, match=r"invalid function = sphere.*rosenbrock or ackley or beale"):
        task_spec("test-functions", {"function": "sphere"})


@pytest.mark.parametrize("name", ["ackley", "levy", "rastrigin", "styblinski-tang"])
def test_one_parameter_is_enough_for_the_others(name):
    loss, gradient = build(name, 1).loss_and_gradient(torch.tensor([[0.7]], dtype=torch.float64))
    assert loss.item() == pytest.approx(FORMULAS[name](np.array([0.7])), rel=1e-12)
    assert gradient.shape == (1, 1)
