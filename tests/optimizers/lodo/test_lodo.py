"""LODO against full autograd on a dense construction, and the properties that LODO §3 states of G."""

import numpy as np
import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.optimizers.base import GradientOnly
from lodo_bench.optimizers.lodo.block_network import draw_network, padded_dimension
from tests.helpers import build_optimizer, generators
from tests.optimizers import oracles

STEPS = 25

HYPERPARAMETERS = [
    {"meta_learning_rate": 0.001, "momentum": 0.9, "initial_learning_rate": 1.0},
    {"meta_learning_rate": 0.01, "momentum": 0.2, "initial_learning_rate": 0.3},
    {"meta_learning_rate": 0.003, "momentum": 0.0, "initial_learning_rate": 0.1},
]

SHAPES = [
    pytest.param(10, {}, id="n=10"),
    pytest.param(7, {}, id="n=7, no multiple of the block size"),
    pytest.param(10, {"hidden_dim": 24}, id="wider"),
    pytest.param(6, {"hidden_dim": 6, "block_size": 3, "layers": 4}, id="no padding at all"),
    pytest.param(5, {"block_size": 3, "layers": 1}, id="one layer"),
]


def noisy_loss(individual, n):
    """A bowl with a ripple, whose center is drawn afresh at every step."""
    random = torch.Generator().manual_seed(1000 + individual)
    curvature = torch.logspace(-2, 0, n, dtype=torch.float64)
    centers = torch.randn(STEPS, n, generator=random, dtype=torch.float64)

    def loss(t, x):
        offset = x - centers[t]
        return (0.5 * curvature * offset**2).sum() + (0.1 * torch.sin(3 * x)).sum()

    return loss


def start(population, n):
    return torch.randn(population, n, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def build(population, n, seeds=None, **arguments):
    individuals = HYPERPARAMETERS[:population]
    return build_optimizer("lodo", start(population, n), individuals, seeds or range(population), **arguments)


def gradient_at(x, losses, t):
    point = x.clone().requires_grad_()
    torch.stack([loss(t, row) for loss, row in zip(losses, point, strict=True)]).sum().backward()
    return point.grad


def run(optimizer, losses, steps=STEPS):
    points = [optimizer.x.clone()]
    for t in range(steps):
        optimizer.step(gradient_at(optimizer.x, losses, t), GradientOnly())
        points.append(optimizer.x.clone())
    return torch.stack(points)


def trained(population, n, steps=STEPS, **arguments):
    optimizer = build(population, n, **arguments)
    run(optimizer, [noisy_loss(p, n) for p in range(population)], steps)
    return optimizer


def operator(preconditioner, population, n):
    """Each individual's S, (P, n, n), by applying it to the unit vectors."""
    columns = []
    for unit in torch.eye(n, dtype=torch.float64):
        columns.append(preconditioner.forward(unit.repeat(population, 1)).clone())
    return torch.stack(columns, dim=2)


@pytest.mark.parametrize(("n", "arguments"), SHAPES)
def test_trajectory_and_weights_equal_full_autograd(n, arguments):
    population = 3
    optimizer = build(population, n, **arguments)
    net = optimizer.preconditioner
    blocks = [oracles.blocks_of(net.weights, net, p) for p in range(population)]
    losses = [noisy_loss(p, n) for p in range(population)]
    points = run(optimizer, losses)
    for p in range(population):
        permutations = oracles.permutations_of(net, p)
        expected, theta = oracles.lodo(
            losses[p], start(population, n)[p], STEPS, blocks[p], permutations, **HYPERPARAMETERS[p]
        )
        torch.testing.assert_close(points[:, p], expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(oracles.blocks_of(net.weights, net, p), theta, rtol=1e-10, atol=1e-10)


def test_without_layers_it_is_momentum_at_the_rate_of_alpha0_times_one_minus_beta():
    losses = [noisy_loss(p, 10) for p in range(3)]
    equivalent = [
        {"learning_rate": v["initial_learning_rate"] * (1 - v["momentum"]), "momentum": v["momentum"]}
        for v in HYPERPARAMETERS
    ]
    momentum = build_optimizer("momentum", start(3, 10), equivalent, range(3))
    torch.testing.assert_close(run(build(3, 10, layers=0), losses), run(momentum, losses), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n", "arguments"), SHAPES)
def test_the_operator_is_the_identity_at_the_start(n, arguments):
    net = build(3, n, **arguments).preconditioner
    identity = torch.eye(n, dtype=torch.float64).expand(3, n, n)
    torch.testing.assert_close(operator(net, 3, n), identity, rtol=0, atol=1e-13)


def test_it_starts_as_momentum_whatever_the_layers():
    losses = [noisy_loss(p, 10) for p in range(3)]
    with_layers, without = run(build(3, 10), losses, steps=1), run(build(3, 10, layers=0), losses, steps=1)
    torch.testing.assert_close(with_layers, without, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("n", "arguments"), SHAPES)
def test_the_operator_stays_symmetric_and_positive_semidefinite(n, arguments):
    matrices = operator(trained(3, n, **arguments).preconditioner, 3, n)
    assert (matrices - torch.eye(n)).abs().amax(dim=(1, 2)).min() > 0.01
    torch.testing.assert_close(matrices, matrices.mT, rtol=0, atol=1e-12)
    assert torch.linalg.eigvalsh(matrices).min() > -1e-12


def test_the_first_hypergradient_is_zero_and_leaves_the_weights_alone():
    optimizer = build(3, 10)
    net = optimizer.preconditioner
    before = net.weights.clone()
    gradient = gradient_at(optimizer.x, [noisy_loss(p, 10) for p in range(3)], 0)
    assert not net.vjp(gradient).any()
    optimizer.step(gradient, GradientOnly())
    assert torch.equal(net.weights, before)
    optimizer.step(gradient, GradientOnly())
    assert not torch.equal(net.weights, before)


@pytest.mark.parametrize(("n", "arguments"), SHAPES)
def test_the_vjp_equals_autograd_on_the_dense_operator(n, arguments):
    net = trained(3, n, steps=3, **arguments).preconditioner
    u, v = torch.randn(2, 3, n, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    net.forward(u)
    gradient = net.vjp(v)
    for p in range(3):
        blocks = oracles.blocks_of(net.weights, net, p).requires_grad_()
        (v[p] @ oracles.dense_operator(blocks, oracles.permutations_of(net, p), n) @ u[p]).backward()
        torch.testing.assert_close(oracles.blocks_of(gradient, net, p), blocks.grad, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("n", "arguments"), SHAPES)
def test_an_individual_of_three_equals_one_alone_bit_for_bit(n, arguments):
    together = run(build(3, n, **arguments), [noisy_loss(p, n) for p in range(3)])
    for p in range(3):
        alone = build_optimizer("lodo", start(3, n)[p : p + 1].clone(), [HYPERPARAMETERS[p]], [p], **arguments)
        assert torch.equal(together[:, p], run(alone, [noisy_loss(p, n)])[:, 0])


def test_seeds_choose_blocks_and_permutations():
    one, same, other = (build(1, 10, seeds=[seed]).preconditioner for seed in (1, 1, 2))
    assert torch.equal(one.weights, same.weights)
    assert torch.equal(oracles.permutations_of(one, 0), oracles.permutations_of(same, 0))
    assert not torch.equal(one.weights, other.weights)
    assert not torch.equal(oracles.permutations_of(one, 0), oracles.permutations_of(other, 0))


def test_layers_have_different_permutations():
    permutations = oracles.permutations_of(build(1, 10).preconditioner, 0)
    assert torch.equal(permutations.sort(dim=1).values, torch.arange(20).expand(16, 20))
    assert len({tuple(p.tolist()) for p in permutations}) == 16


def test_blocks_start_orthogonal_and_uniformly_turned():
    net = draw_network(generators([3]), 2000, layers=4, block_size=2, dtype=torch.float64)
    blocks = oracles.blocks_of(net.weights, net, 0).flatten(0, 1)
    torch.testing.assert_close(blocks @ blocks.mT, torch.eye(2, dtype=torch.float64).expand_as(blocks))
    # Of a uniformly turned matrix every entry has mean 0 and mean square 1/k, also after any fixed rotation.
    deviations = blocks.mean(0).abs() / (0.5 / len(blocks)) ** 0.5
    assert deviations.max() < 5
    assert abs(torch.linalg.det(blocks).mean()) < 5 / len(blocks) ** 0.5


@pytest.mark.parametrize(("n", "block_size", "hidden"), [(100, 4, 200), (7, 4, 16), (2, 4, 4), (5, 3, 12), (1, 1, 2)])
def test_padded_dimension_is_the_smallest_multiple_from_2n_on(n, block_size, hidden):
    assert padded_dimension(n, block_size) == hidden


@pytest.mark.parametrize("hidden", [4, 8, 21])
def test_a_hidden_dimension_that_is_no_multiple_or_too_small_is_refused(hidden):
    with pytest.raises(UsageError, match=f"hidden_dim = {hidden} must be a multiple of block_size = 4 and >= 10"):
        build(1, 10, hidden_dim=hidden)


def test_the_hidden_dimension_and_layers_decide_the_number_of_weights():
    assert build(1, 100).preconditioner.weights.numel() == 16 * 200 * 4
    assert build(1, 100, hidden_dim=204).preconditioner.weights.numel() == 16 * 204 * 4
    assert build(1, 100, layers=3, block_size=2).preconditioner.weights.numel() == 3 * 200 * 2


def test_it_learns_a_better_preconditioner_than_it_started_with():
    values = {"meta_learning_rate": 0.003, "momentum": 0.5, "initial_learning_rate": 0.3}
    hessian = torch.logspace(-1.5, 0, 6, dtype=torch.float64)
    x = torch.zeros(1, 6, dtype=torch.float64)
    optimizer, random = build_optimizer("lodo", x, [values], [0]), torch.Generator().manual_seed(2)

    def error():
        g = 0.3 * operator(optimizer.preconditioner, 1, 6)[0]
        return float(torch.linalg.norm(torch.eye(6) - g * hessian)) / np.sqrt(6)

    before, center = error(), torch.zeros_like(x)
    for _ in range(3000):
        center = center + torch.randn(x.shape, generator=random, dtype=torch.float64)
        optimizer.step((x - center) * hessian, GradientOnly())
    assert error() < 0.7 * before
