"""LODO's variants against full autograd through the step, and what their preconditioners are."""

import pytest
import torch

from lodo_bench.optimizers.base import GradientOnly
from tests.helpers import build_optimizer

STEPS = 50
N = 6
VALUES = [
    {"meta_learning_rate": 0.002, "momentum": 0.6, "initial_learning_rate": 0.2},
    {"meta_learning_rate": 0.001, "momentum": 0.2, "initial_learning_rate": 0.1},
    {"meta_learning_rate": 0.004, "momentum": 0.9, "initial_learning_rate": 0.15},
]
WITHOUT_MOMENTUM = ("lodo-no-momentum", "lodo-dense")
CASES = [
    ("lodo-diagonal", {}),
    ("lodo-global", {}),
    ("lodo-residuals", {"layers": 5, "init_scale": 0.3}),
    ("lodo-no-momentum", {"layers": 3}),
    ("lodo-sgd", {"layers": 3}),
    ("lodo-dense", {}),
]


def values_of(optimizer, individual):
    left_out = ("momentum",) if optimizer in WITHOUT_MOMENTUM else ()
    return {name: value for name, value in VALUES[individual].items() if name not in left_out}


def build(optimizer, population, **options):
    x = torch.sin(torch.arange(population * N, dtype=torch.float64)).view(population, N)
    individuals = [values_of(optimizer, p) for p in range(population)]
    return build_optimizer(optimizer, x, individuals, range(population), **options)


def loss(t, x):
    """Not quadratic, with another minimum at every step."""
    scale = torch.linspace(0.3, 1.5, N, dtype=torch.float64)
    return (scale * (x - torch.cos(torch.arange(N, dtype=torch.float64) + t)) ** 2).sum() + 0.3 * torch.sin(x).sum()


def run(optimizer, steps=STEPS):
    points = []
    for t in range(steps):
        point = optimizer.x.clone().requires_grad_()
        sum(loss(t, row) for row in point).backward()
        optimizer.step(point.grad, GradientOnly())
        points.append(optimizer.x.clone())
    return torch.stack(points)


def matrix(optimizer):
    """G of every individual, (P, n, n), by applying it to the unit vectors."""
    units = torch.eye(N, dtype=torch.float64)
    return torch.stack([optimizer.precondition(unit.repeat(len(optimizer.x), 1)) for unit in units], dim=2)


def operator_of(optimizer, net, rate):
    """G(θ) u of the first individual as a function that autograd can follow, written from the formulas."""
    if optimizer == "lodo-diagonal" or optimizer == "lodo-global":
        return lambda theta, u: rate * theta[0] * u
    if optimizer == "lodo-dense":
        return lambda theta, u: theta[0] @ u
    if optimizer == "lodo-residuals":
        return lambda theta, u: rate * residual(theta, u, net._permutations)
    return lambda theta, u: rate * block(theta, u, net)


def residual(theta, u, permutations):
    weights, diagonal = theta[:-1, 0], theta[-1, 0]

    def up(vector):
        signal = torch.cat((vector, torch.zeros(N, dtype=torch.float64)))
        for w, order in zip(weights, permutations, strict=True):
            signal = signal + w * signal[order]
        return signal

    dense = torch.stack([up(unit) for unit in torch.eye(N, dtype=torch.float64)], dim=1)
    return dense.T @ (diagonal * (dense @ u))


def block(theta, u, net):
    """The places of the flat layout stand for the entries: with one individual it is a fixed order of them."""
    _, layers, k, _, blocks = theta.shape

    def up(vector):
        signal = torch.zeros(k * blocks, dtype=torch.float64).index_put((net.embedding_index[0],), vector)
        for layer in range(layers):
            row = signal.view(k, blocks) if layer == 0 else signal[net.permutations[0, layer]].view(k, blocks)
            signal = torch.einsum("iob,ib->ob", theta[0, layer], row).reshape(-1)
        return signal

    dense = torch.stack([up(unit) for unit in torch.eye(N, dtype=torch.float64)], dim=1)
    return dense.T @ (dense @ u)


def by_autograd(optimizer, net, x, *, meta_learning_rate, initial_learning_rate, momentum=0.0):
    """Algorithm 1 with a graph through every step and a meta-optimizer written out."""
    theta = net.weights.clone().requires_grad_()
    operator = operator_of(optimizer, net, initial_learning_rate)
    sgd = optimizer in ("lodo-sgd", "lodo-dense")
    first, second = torch.zeros_like(theta), torch.zeros_like(theta)
    average, points = torch.zeros(N, dtype=torch.float64), []
    before = x.clone()
    for t in range(STEPS):
        x = (before - operator(theta, average)).detach().requires_grad_()
        (g,) = torch.autograd.grad(loss(t, x), x)
        (h,) = torch.autograd.grad(-(g * operator(theta, average)).sum(), theta)
        with torch.no_grad():
            if sgd:
                theta -= meta_learning_rate * h
            else:
                first, second = 0.9 * first + 0.1 * h, 0.999 * second + 0.001 * h * h
                rate = meta_learning_rate * (1 - 0.999 ** (t + 1)) ** 0.5 / (1 - 0.9 ** (t + 1))
                theta -= rate * first / (second.sqrt() + 1e-7)
        average = momentum * average + (1 - momentum) * g
        before = x.detach()
        points.append((before - operator(theta, average)).detach())
    return torch.stack(points), theta.detach()


@pytest.mark.parametrize(("optimizer", "options"), CASES)
def test_trajectory_and_weights_equal_full_autograd(optimizer, options):
    built = build(optimizer, 1, **options)
    expected, theta = by_autograd(optimizer, built.preconditioner, built.x[0].clone(), **values_of(optimizer, 0))
    torch.testing.assert_close(run(built)[:, 0], expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(built.preconditioner.weights, theta, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("optimizer", "options"), CASES)
def test_an_individual_of_three_is_one_alone(optimizer, options):
    together = run(build(optimizer, 3, **options))
    for p in range(3):
        x = torch.sin(torch.arange(3 * N, dtype=torch.float64)).view(3, N)[p : p + 1].clone()
        alone = build_optimizer(optimizer, x, [values_of(optimizer, p)], [p], **options)
        assert torch.equal(together[:, p], run(alone)[:, 0])


@pytest.mark.parametrize(("optimizer", "options"), [*CASES[:2], *CASES[3:], ("lodo-residuals", {"init_scale": 0.0})])
def test_it_starts_as_a_multiple_of_the_identity(optimizer, options):
    identity = torch.eye(N, dtype=torch.float64)
    expected = torch.stack([value["initial_learning_rate"] * identity for value in VALUES])
    torch.testing.assert_close(matrix(build(optimizer, 3, **options)), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("init_scale", "least", "most"), [(0.01, 0.001, 0.05), (1.0, 2.0, 5.0)])
def test_residuals_start_near_the_identity_or_far_from_it(init_scale, least, most):
    rates = [{**VALUES[0], "initial_learning_rate": 1.0}]
    x = torch.zeros(1, 100, dtype=torch.float64)
    optimizer = build_optimizer("lodo-residuals", x, rates, [3], init_scale=init_scale)
    units = torch.eye(100, dtype=torch.float64)
    found = torch.stack([optimizer.precondition(unit.unsqueeze(0))[0] for unit in units])
    assert least < torch.linalg.matrix_norm(found - units) / 10 < most


@pytest.mark.parametrize(("optimizer", "options"), CASES)
def test_looking_at_the_preconditioner_disturbs_nothing(optimizer, options):
    looked_at, left_alone = build(optimizer, 2, **options), build(optimizer, 2, **options)
    for _ in range(3):
        run(looked_at, steps=5)
        run(left_alone, steps=5)
        matrix(looked_at)
    assert torch.equal(looked_at.x, left_alone.x)


def test_the_meta_optimizer_matters():
    assert not torch.equal(run(build("lodo", 2)), run(build("lodo-sgd", 2)))
