"""LODO's variants against full autograd through the step, and what their preconditioners are."""

import pytest
import torch

from tests.helpers import NoOracle, build_optimizer, defaults
from tests.optimizers import oracles

STEPS = 50
N = 6
VALUES = [
    {"meta_learning_rate": 0.002, "momentum": 0.6, "initial_learning_rate": 0.2},
    {"meta_learning_rate": 0.001, "momentum": 0.2, "initial_learning_rate": 0.1},
    {"meta_learning_rate": 0.004, "momentum": 0.9, "initial_learning_rate": 0.15},
]
CASES = [
    pytest.param("lodo-diagonal", {}, id="diagonal"),
    pytest.param("lodo-global", {}, id="global"),
    pytest.param("lodo-residuals", {}, id="residuals"),
    pytest.param("lodo-residuals", {"layers": 5, "init_scale": 0.3}, id="residuals, few layers"),
    pytest.param("lodo-no-momentum", {}, id="no-momentum"),
    pytest.param("lodo-no-momentum", {"layers": 3, "block_size": 3}, id="no-momentum, few layers"),
    pytest.param("lodo-sgd", {}, id="sgd"),
    pytest.param("lodo-sgd", {"layers": 3, "hidden_dim": 8}, id="sgd, few layers"),
    pytest.param("lodo-dense", {}, id="dense"),
]
IDENTITY = torch.eye(N, dtype=torch.float64)


def start(population):
    return torch.sin(torch.arange(population * N, dtype=torch.float64)).view(population, N)


def values_of(optimizer, individual, **changes):
    taken = defaults(optimizer)
    return {name: value for name, value in {**VALUES[individual], **changes}.items() if name in taken}


def build(optimizer, population, changes=None, **options):
    individuals = [values_of(optimizer, p, **(changes or {})) for p in range(population)]
    return build_optimizer(optimizer, start(population), individuals, range(population), **options)


def loss(t, x):
    """Not quadratic, with another minimum at every step."""
    scale = torch.linspace(0.3, 1.5, N, dtype=torch.float64)
    return (scale * (x - torch.cos(torch.arange(N, dtype=torch.float64) + t)) ** 2).sum() + 0.3 * torch.sin(x).sum()


def run(optimizer, steps=STEPS):
    points = [optimizer.x.clone()]
    for t in range(steps):
        point = optimizer.x.clone().requires_grad_()
        sum(loss(t, row) for row in point).backward()
        optimizer.step(point.grad, NoOracle())
        points.append(optimizer.x.clone())
    return torch.stack(points)


def matrices(optimizer):
    """G of every individual, (P, n, n), by applying it to the unit vectors."""
    return torch.stack([optimizer.precondition(unit.repeat(len(optimizer.x), 1)) for unit in IDENTITY], dim=2)


def weights_of(optimizer, built, individual):
    """One individual's θ, laid out as `dense_matrix` takes it."""
    net = built.preconditioner
    if optimizer in ("lodo-no-momentum", "lodo-sgd"):
        return oracles.blocks_of(net.weights, net, individual)
    if optimizer == "lodo-residuals":
        return net.weights[:, individual].clone()
    return net.weights[individual].clone()


def dense_matrix(optimizer, built, individual):
    """θ -> G(θ) of one individual as a dense matrix that autograd can follow, written from the formulas."""
    net, rate = built.preconditioner, VALUES[individual]["initial_learning_rate"]
    if optimizer == "lodo-dense":
        return lambda theta: theta
    if optimizer in ("lodo-diagonal", "lodo-global"):
        return lambda theta: rate * theta * IDENTITY
    if optimizer == "lodo-residuals":
        permutations = [order.view(-1, 2 * N)[individual] - 2 * N * individual for order in net._permutations]
        return lambda theta: rate * residual_operator(theta, permutations)
    permutations = oracles.permutations_of(net, individual)
    return lambda theta: rate * oracles.dense_operator(theta, permutations, N)


def residual_operator(theta, permutations):
    """(I 0) G̃ᵀ D G̃ (I 0)ᵀ with the rows w_1 ... w_N and D of θ, the first layer applied first."""
    identity = torch.eye(2 * N, dtype=torch.float64)
    product = identity
    for row, order in zip(theta[:-1], permutations, strict=True):
        product = (identity + torch.diag(row) @ identity[order]) @ product
    return (product.T @ torch.diag(theta[-1]) @ product)[:N, :N]


def by_autograd(matrix_of, theta, x, *, sgd, meta_learning_rate, momentum=0.0, initial_learning_rate=None):
    """Algorithm 1 with a graph through every step, and PyTorch's own meta-optimizers."""
    theta = theta.clone().requires_grad_()
    if sgd:
        meta = torch.optim.SGD([theta], meta_learning_rate)
    else:
        meta = torch.optim.Adam([theta], meta_learning_rate, (0.9, 0.999))
    average, points = torch.zeros_like(x), []
    for t in range(STEPS):
        moved = x - matrix_of(theta) @ average
        moved.retain_grad()
        meta.zero_grad()
        loss(t, moved).backward()
        if not sgd:  # Keras adds ε to √v before the correction of its bias
            meta.param_groups[0]["eps"] = 1e-7 / (1 - 0.999 ** (t + 1)) ** 0.5
        meta.step()
        average = momentum * average + (1 - momentum) * moved.grad
        x = moved.detach()
        points.append(x)
    points.append((x - matrix_of(theta) @ average).detach())
    return torch.stack(points), theta.detach()


@pytest.mark.parametrize(("optimizer", "options"), CASES)
@pytest.mark.parametrize("population", [1, 3])
def test_trajectory_and_weights_equal_full_autograd(population, optimizer, options):
    built = build(optimizer, population, **options)
    first = [weights_of(optimizer, built, p) for p in range(population)]
    points = run(built)
    for p in range(population):
        expected, theta = by_autograd(
            dense_matrix(optimizer, built, p),
            first[p],
            start(population)[p],
            sgd=optimizer in ("lodo-sgd", "lodo-dense"),
            **values_of(optimizer, p),
        )
        torch.testing.assert_close(points[:, p], expected, rtol=1e-10, atol=1e-10)
        learned = weights_of(optimizer, built, p)
        torch.testing.assert_close(learned, theta, rtol=1e-10, atol=1e-10)
        assert (learned - first[p]).abs().max() > 1e-3


@pytest.mark.parametrize(("optimizer", "options"), CASES)
def test_an_individual_of_three_is_one_alone(optimizer, options):
    together = run(build(optimizer, 3, **options))
    for p in range(3):
        x = start(3)[p : p + 1].clone()
        alone = build_optimizer(optimizer, x, [values_of(optimizer, p)], [p], **options)
        assert torch.equal(together[:, p], run(alone)[:, 0])


@pytest.mark.parametrize("optimizer", ["lodo-diagonal", "lodo-global", "lodo-no-momentum", "lodo-sgd", "lodo-dense"])
def test_it_starts_as_a_multiple_of_the_identity(optimizer):
    expected = torch.stack([value["initial_learning_rate"] * IDENTITY for value in VALUES])
    torch.testing.assert_close(matrices(build(optimizer, 3)), expected, rtol=0, atol=1e-13)


def distance_of_residuals_from_the_identity(seed, **options):
    """‖S − I‖_F / √n at the start, n = 100."""
    values = {**VALUES[0], "initial_learning_rate": 1.0}
    x = torch.zeros(1, 100, dtype=torch.float64)
    optimizer = build_optimizer("lodo-residuals", x, [values], [seed], **options)
    units = torch.eye(100, dtype=torch.float64)
    found = torch.stack([optimizer.precondition(unit.unsqueeze(0))[0] for unit in units])
    return float(torch.linalg.matrix_norm(found - units)) / 10


@pytest.mark.parametrize("seed", range(3))
def test_how_near_the_identity_residuals_start_depends_on_the_scale_of_their_weights(seed):
    assert distance_of_residuals_from_the_identity(seed, init_scale=0.0) == 0
    assert distance_of_residuals_from_the_identity(seed) == pytest.approx(0.014, rel=0.2)
    assert distance_of_residuals_from_the_identity(seed, init_scale=1.0) == pytest.approx(3.3, rel=0.2)


# At a large meta-learning rate the weights leave the neighbourhood of their start within the 50 steps.
FAST = {
    "lodo-diagonal": 0.1,
    "lodo-global": 0.1,
    "lodo-residuals": 0.1,
    "lodo-no-momentum": 0.02,
    "lodo-sgd": 0.02,
    "lodo-dense": 0.02,
}


def fast_matrices(optimizer):
    built = build(optimizer, 3, changes={"meta_learning_rate": FAST[optimizer]})
    before = matrices(built)
    run(built)
    after = matrices(built)
    assert (after - before).abs().amax(dim=(1, 2)).min() > 0.01
    return after


@pytest.mark.parametrize("optimizer", ["lodo-no-momentum", "lodo-sgd"])
def test_with_blocks_the_operator_stays_symmetric_and_positive_semidefinite(optimizer):
    after = fast_matrices(optimizer)
    torch.testing.assert_close(after, after.mT, rtol=0, atol=1e-12)
    assert torch.linalg.eigvalsh(after).min() > -1e-12


@pytest.mark.parametrize("optimizer", ["lodo-diagonal", "lodo-global", "lodo-residuals"])
def test_with_a_learned_diagonal_the_operator_stays_symmetric_but_may_become_indefinite(optimizer):
    after = fast_matrices(optimizer)
    torch.testing.assert_close(after, after.mT, rtol=0, atol=1e-12)
    built = build(optimizer, 3)
    built.preconditioner.weights.neg_()
    assert torch.linalg.eigvalsh(matrices(built)).min() < -0.05


def test_a_dense_operator_does_not_stay_symmetric():
    after = fast_matrices("lodo-dense")
    assert (after - after.mT).abs().amax(dim=(1, 2)).min() > 0.01


@pytest.mark.parametrize(("optimizer", "options"), CASES)
def test_precondition_is_the_operator_of_the_weights_times_the_vector(optimizer, options):
    built = build(optimizer, 3, **options)
    run(built)
    vectors = torch.randn(3, N, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    found = built.precondition(vectors)
    for p in range(3):
        expected = dense_matrix(optimizer, built, p)(weights_of(optimizer, built, p)) @ vectors[p]
        torch.testing.assert_close(found[p], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("optimizer", "options"), CASES)
def test_looking_at_the_preconditioner_disturbs_nothing(optimizer, options):
    looked_at, left_alone = build(optimizer, 2, **options), build(optimizer, 2, **options)
    for _ in range(3):
        run(looked_at, steps=5)
        run(left_alone, steps=5)
        matrices(looked_at)
    assert torch.equal(looked_at.x, left_alone.x)
    assert torch.equal(looked_at.preconditioner.weights, left_alone.preconditioner.weights)


def test_the_meta_optimizer_of_lodo_is_an_option():
    assert torch.equal(run(build("lodo", 2, meta_optimizer="sgd")), run(build("lodo-sgd", 2)))
    assert not torch.equal(run(build("lodo", 2)), run(build("lodo-sgd", 2)))


def test_without_momentum_it_is_lodo_with_a_momentum_of_zero():
    lodo, without = build("lodo", 3, changes={"momentum": 0.0}), build("lodo-no-momentum", 3)
    assert torch.equal(run(lodo), run(without))
    assert torch.equal(lodo.preconditioner.weights, without.preconditioner.weights)
