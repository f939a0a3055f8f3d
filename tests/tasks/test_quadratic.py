"""The noisy quadratic bowl (LODO §5.1): its Hessian, its walking center, and Newton's loss on it."""

import numpy as np
import pytest
import torch

from lodo_bench import seeding
from lodo_bench.errors import UsageError
from lodo_bench.spec.options import resolve
from lodo_bench.spec.training import Individual
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.training.loop import train
from tests.helpers import build_task, defaults, training_spec


def quadratic(seeds, **options):
    return build_task("quadratic", seeds, **options)


def hessians(task):
    """(P, n, n), from differences of gradients on one batch."""
    origin = task.initial_point()
    at_origin = task.loss_and_gradient(origin)[1]
    units = torch.eye(task.dimension, dtype=task.dtype)
    return torch.stack([task.loss_and_gradient(origin + unit)[1] - at_origin for unit in units], dim=2)


def centers(task, steps):
    """(steps, P, n), of a task whose Hessian is the identity, so that the gradient at the origin is −x*."""
    walk = []
    for _ in range(steps):
        task.next_batch()
        walk.append(-task.loss_and_gradient(task.initial_point())[1])
    return torch.stack(walk)


def round_bowl(seeds, **options):
    return quadratic(seeds, min_eigenvalue=1, max_eigenvalue=1, **options)


def test_gradient_equals_the_differences_of_the_loss():
    task = quadratic([1, 2, 3], dimension=9)
    task.next_batch()
    x = torch.randn(3, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    # Central differences of a quadratic are exact at any distance.
    units = torch.eye(9, dtype=torch.float64)
    ahead, behind = ([task.loss_and_gradient(x + sign * unit)[0] for unit in units] for sign in (1, -1))
    differences = (torch.stack(ahead, dim=1) - torch.stack(behind, dim=1)) / 2
    torch.testing.assert_close(task.loss_and_gradient(x)[1], differences, rtol=1e-12, atol=1e-12)


def test_loss_is_half_the_square_of_the_offset_in_the_hessian():
    task = quadratic([1, 2], dimension=6, min_eigenvalue=0.1)
    task.next_batch()
    hessian = hessians(task)
    origin = task.initial_point()
    center = -torch.linalg.solve(hessian, task.loss_and_gradient(origin)[1])
    x = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = 0.5 * torch.einsum("pi,pij,pj->p", x - center, hessian, x - center)
    torch.testing.assert_close(task.loss_and_gradient(x)[0], expected, rtol=1e-11, atol=1e-11)


def test_hessian_is_symmetric_with_a_geometric_spectrum():
    hessian = hessians(quadratic([1, 2]))
    torch.testing.assert_close(hessian, hessian.mT, rtol=0, atol=1e-13)
    expected = torch.tensor(np.geomspace(0.001, 1, 100)).expand(2, 100)
    torch.testing.assert_close(torch.linalg.eigvalsh(hessian), expected, rtol=0, atol=1e-12)


def test_the_spectrum_follows_the_options():
    hessian = hessians(quadratic([1], dimension=5, min_eigenvalue=0.5, max_eigenvalue=8))
    eigenvalues = torch.linalg.eigvalsh(hessian)[0]
    torch.testing.assert_close(eigenvalues, torch.tensor([0.5, 1, 2, 4, 8], dtype=torch.float64))


def test_hessians_are_turned_uniformly():
    # A uniformly turned H has E[H] = (tr H / n) I and E[H_ii²] = (2 tr H² + (tr H)²) / (n (n + 2)).
    population, n = 2000, 3
    hessian = hessians(quadratic(range(population), dimension=n, min_eigenvalue=0.01, max_eigenvalue=1)).numpy()
    eigenvalues = np.geomspace(0.01, 1, n)
    mean_square = (2 * (eigenvalues**2).sum() + eigenvalues.sum() ** 2) / (n * (n + 2))
    squares = np.diagonal(hessian, axis1=1, axis2=2) ** 2
    for sample, mean in ((hessian, np.eye(n) * eigenvalues.sum() / n), (squares, mean_square)):
        standard_error = sample.std(axis=0) / population**0.5
        assert (abs(sample.mean(axis=0) - mean) < 4 * standard_error).all()


def test_it_starts_at_the_origin_and_so_does_the_center():
    task = quadratic([1, 2])
    assert torch.equal(task.initial_point(), torch.zeros(2, 100, dtype=torch.float64))
    assert torch.equal(task.loss_and_gradient(task.initial_point())[0], torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("variance", [1.0, 0.3])
def test_the_center_walks_with_the_given_variance_in_independent_steps(variance):
    walk = centers(round_bowl([1, 2, 3], dimension=50, noise_variance=variance), steps=300)
    steps = torch.diff(walk, dim=0, prepend=torch.zeros_like(walk[:1])) / variance**0.5
    deviation = steps.numel() ** -0.5
    assert abs(steps.mean()) < 5 * deviation
    assert abs(steps.square().mean() - 1) < 5 * 2**0.5 * deviation
    assert abs((steps[1:] * steps[:-1]).mean()) < 5 * deviation
    assert abs((steps[..., 1:] * steps[..., :-1]).mean()) < 5 * deviation
    assert abs((steps[:, 1:] * steps[:, :-1]).mean()) < 5 * deviation
    assert steps.abs().max() < 6, "one step of the walk is larger than any normal number of this many should be"


def test_every_batch_moves_the_center_and_nothing_else_does():
    walk = centers(round_bowl([1], dimension=2), steps=300)
    assert (torch.diff(walk, dim=0) != 0).all()


@pytest.mark.parametrize("variance", [1.0, 4.0])
def test_newtons_mean_loss_is_the_bound(variance):
    options = {"noise_variance": variance}
    task = quadratic([1, 2, 3, 4], **options)
    hessian, x, losses = hessians(task), task.initial_point(), []
    for _ in range(500):
        task.next_batch()
        loss, gradient = task.loss_and_gradient(x)
        losses.append(loss)
        x = x - torch.linalg.solve(hessian, gradient)
    sample = torch.stack(losses)
    standard_error = sample.std() / sample.numel() ** 0.5
    assert standard_error < 0.02 * Quadratic.optimal_loss(options).loss
    assert abs(sample.mean() - Quadratic.optimal_loss(options).loss) < 4 * standard_error


def test_the_bound_is_the_published_one_by_default_and_half_the_noisy_trace_in_general():
    assert round(Quadratic.optimal_loss({}).loss, 2) == 7.41
    assert Quadratic.optimal_loss({}).name == "Newton"
    options = {"dimension": 3, "noise_variance": 2.5, "min_eigenvalue": 0.5, "max_eigenvalue": 2}
    assert Quadratic.optimal_loss(options).loss == pytest.approx(0.5 * 2.5 * (0.5 + 1 + 2), rel=1e-14)


def test_different_optimizers_meet_the_same_problem():
    key = (3, 1, 4)
    specs = [
        training_spec(name, individuals=(Individual(key, defaults(name)),), steps=1) for name in ("adam", "momentum")
    ]
    first_losses = [train(spec)[0].curve.losses[0] for spec in specs]
    assert first_losses[0] == first_losses[1] > 0
    tasks = [Quadratic(seeding.task_generators(spec), torch.float64, {}) for spec in specs]
    for _ in range(150):
        for task in tasks:
            task.next_batch()
    x = torch.ones(1, 100, dtype=torch.float64)
    (loss, gradient), (other_loss, other_gradient) = [task.loss_and_gradient(x) for task in tasks]
    assert torch.equal(loss, other_loss)
    assert torch.equal(gradient, other_gradient)


@pytest.mark.parametrize(("variance", "tolerance"), [(4.0, 0), (0.25, 0), (3.0, 1e-15), (0.0, 0)])
def test_the_same_noise_is_scaled_by_its_standard_deviation(variance, tolerance):
    unit = centers(round_bowl([1, 2], dimension=4), steps=200)
    scaled = centers(round_bowl([1, 2], dimension=4, noise_variance=variance), steps=200)
    assert scaled.any() == (variance > 0)
    torch.testing.assert_close(scaled, unit * variance**0.5, rtol=10 * tolerance, atol=100 * tolerance)


def test_noise_variance_leaves_the_hessian_as_it_is():
    assert torch.equal(hessians(quadratic([5])), hessians(quadratic([5], noise_variance=9)))


def test_a_single_parameter_is_a_problem_too():
    task = quadratic([1], dimension=1, min_eigenvalue=0.5, max_eigenvalue=0.5)
    torch.testing.assert_close(hessians(task), torch.full((1, 1, 1), 0.5, dtype=torch.float64))


def test_a_reversed_range_of_eigenvalues_is_refused():
    message = r"min_eigenvalue = 2 is above max_eigenvalue = 1\."
    with pytest.raises(UsageError, match=message):
        quadratic([1], min_eigenvalue=2)
    with pytest.raises(UsageError, match=message):
        Quadratic.optimal_loss({"min_eigenvalue": 2})


@pytest.mark.parametrize(
    ("option", "value"),
    [("dimension", 0), ("dimension", 2.5), ("noise_variance", -1), ("min_eigenvalue", 0), ("max_eig", float("inf"))],
)
def test_impossible_options_are_refused(option, value):
    with pytest.raises(UsageError, match=r"^invalid \w+ = \S+ for quadratic: must be"):
        resolve(Quadratic.options_table, {option: value}, "quadratic", "option")
