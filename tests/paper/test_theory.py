"""What the paper proves or observes of LODO (§4, §5.1)."""

import math

import pytest
import torch

from lodo_bench.backends.compiled_loop import compiled_loop
from lodo_bench.compute.selection import best_backend, use_backend
from lodo_bench.compute.threads import single_thread
from lodo_bench.optimizers.base import GradientOnly
from lodo_bench.training.trainer import Trainer
from tests.helpers import build_optimizer, build_task, center_of, copy_of


def dense_run(alpha, steps, dimension=8):
    """H, and b_t, A_t and the center at each of the steps of simplified LODO on a noisy quadratic."""
    task = build_task("quadratic", [3], dimension=dimension, min_eigenvalue=0.2)
    x = task.initial_point()
    hessian = task.hessian(x)[0]
    values = [{"meta_learning_rate": alpha, "initial_learning_rate": 0.5}]
    optimizer = build_optimizer("lodo-dense", x, values, [3])
    offsets, matrices, centers = [], [], []
    for _ in range(steps):
        task.next_batch()
        centers.append(center_of(task)[0].clone())
        offsets.append(x[0] - centers[-1])
        optimizer.step(task.loss_and_gradient(x)[1], GradientOnly())
        # G as it took this step: learned from the gradient at x_t before x_t moved.
        matrices.append(torch.eye(dimension, dtype=torch.float64) - optimizer.preconditioner.weights[0] @ hessian)
    return hessian, torch.stack(offsets), torch.stack(matrices), torch.stack(centers)


def test_simplified_lodo_follows_the_exact_dynamics():
    alpha = 0.001
    hessian, b, a, centers = dense_run(alpha, 201)
    moves = centers[1:] - centers[:-1]
    assert (a[-1] - a[0]).abs().max() > 0.01
    for t in range(200):
        torch.testing.assert_close(b[t + 1], a[t] @ b[t] - moves[t], rtol=1e-10, atol=1e-10)
        learned = a[t] - alpha * hessian @ torch.outer(b[t + 1], b[t]) @ hessian @ hessian
        torch.testing.assert_close(a[t + 1], learned, rtol=1e-10, atol=1e-10)


def test_the_exact_dynamics_foretell_a_whole_run():
    alpha, steps = 0.001, 200
    hessian, offsets, matrices, centers = dense_run(alpha, steps + 1)
    b, a = offsets[0], torch.eye(8, dtype=torch.float64) - 0.5 * hessian
    for t in range(steps):
        before, b = b, a @ b - (centers[t + 1] - centers[t])
        a = a - alpha * hessian @ torch.outer(b, before) @ hessian @ hessian
    torch.testing.assert_close(b, offsets[-1], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(a, matrices[-1], rtol=1e-10, atol=1e-10)


def test_simplified_lodo_learns_the_inverse_hessian():
    _, _, a, _ = dense_run(0.001, 6000)
    norms = torch.linalg.matrix_norm(a)
    thousands = norms.view(6, 1000).mean(1)
    assert (thousands[1:3] < thousands[:2]).all()
    assert thousands[-1] < 0.7 * norms[0]


def distances_from_saddle(optimizer, steps, direction, bend):
    """How far along a direction each step is, on ½ xᵀ diag(bend) x."""
    found = []
    for _ in range(steps):
        optimizer.step(bend * optimizer.x, GradientOnly())
        found.append(float((optimizer.x @ direction).abs()))
    return torch.tensor(found, dtype=torch.float64)


BEND = torch.tensor([1.0, -0.1], dtype=torch.float64)


def test_a_saddle_repels_lodo_exponentially_while_its_preconditioner_is_a_multiple_of_the_identity():
    rate = 0.4
    x = torch.tensor([[1.0, 1e-6]], dtype=torch.float64)
    values = [{"meta_learning_rate": 1e-300, "momentum": 0.0, "initial_learning_rate": rate}]
    optimizer = build_optimizer("lodo", x, values, [0])
    distances = distances_from_saddle(optimizer, 200, torch.tensor([0.0, 1.0], dtype=torch.float64), BEND)
    assert distances.log().diff().numpy() == pytest.approx(math.log(1 + 0.1 * rate), rel=1e-6)


@pytest.mark.parametrize("momentum", [1e-12, 0.5])
def test_a_saddle_repels_lodo_exponentially_at_the_rate_of_any_positive_definite_preconditioner(momentum):
    x = torch.tensor([[1.0, 1e-6]], dtype=torch.float64)
    values = [{"meta_learning_rate": 1e-300, "momentum": momentum, "initial_learning_rate": 0.4}]
    optimizer = build_optimizer("lodo", x, values, [0])
    noise = torch.Generator().manual_seed(1)
    weights = optimizer.preconditioner.weights
    weights += 0.05 * torch.randn(weights.shape, generator=noise, dtype=torch.float64)
    units = torch.eye(2, dtype=torch.float64)
    g = torch.cat([optimizer.precondition(unit.unsqueeze(0)) for unit in units])
    assert torch.linalg.eigvalsh(g).min() > 0.01
    assert g[0, 1].abs() > 0.01
    # One step as a matrix on (x, m): m <- β m + (1 − β) H x, x <- x − G m. Exactly one eigenvalue is above 1.
    h = torch.diag(BEND)
    one_step = torch.cat(
        [
            torch.cat([units - (1 - momentum) * g @ h, -momentum * g], dim=1),
            torch.cat([(1 - momentum) * h, momentum * units], dim=1),
        ]
    )
    growths = torch.linalg.eigvals(one_step).abs().sort().values
    assert growths[-1] > 1.005 and growths[-2] < 1
    distances = distances_from_saddle(optimizer, 1500, torch.tensor([0.0, 1.0], dtype=torch.float64), BEND)
    late = distances[-500:].log().diff()
    assert late.numpy() == pytest.approx(math.log(growths[-1]), rel=1e-6)


TUNED = {"meta_learning_rate": 0.00082, "momentum": 0.146, "initial_learning_rate": 1.126}


def advance(optimizer, task, steps):
    losses = []
    with single_thread():
        for _ in range(steps):
            task.next_batch()
            loss, gradient = task.loss_and_gradient(optimizer.x)
            losses.append(float(loss[0]))
            optimizer.step(gradient, GradientOnly())
    return torch.tensor(losses, dtype=torch.float64)


def hessian_error(optimizer, task):
    """‖I − G H‖_F / √n, exactly."""
    hessian = task.hessian(optimizer.x)[0]
    product = torch.cat([optimizer.precondition(column.unsqueeze(0)) for column in hessian.T])
    n = len(hessian)
    return float(torch.linalg.matrix_norm(torch.eye(n, dtype=torch.float64) - product.T)) / math.sqrt(n)


@pytest.fixture(scope="module")
def tracked():
    """LODO after 100,000 steps on a quadratic, that quadratic, and the Hessian errors by the steps taken."""
    task = build_task("quadratic", [1])
    with use_backend(best_backend("cpu")):  # machine code where there is some, for so many steps
        optimizer = build_optimizer("lodo", task.initial_point(), [TUNED], [1])
        trainer = Trainer(task, optimizer, 100_000, compiled_loop(task, optimizer))
    errors, taken = {0: hessian_error(optimizer, task)}, 0
    for steps in (1_000, 10_000, 100_000):
        trainer.run_steps(steps - taken)
        errors[steps], taken = hessian_error(optimizer, task), steps
    return optimizer, task, errors


def frozen(optimizer, x):
    """LODO with the weights of another, which what learns them no longer moves."""
    with use_backend(best_backend("cpu")):
        copied = build_optimizer("lodo", x.clone(), [{**TUNED, "meta_learning_rate": 1e-300}], [1])
    copied.preconditioner.weights.copy_(optimizer.preconditioner.weights)
    return copied


def test_the_hessian_error_falls(tracked):
    _, _, errors = tracked
    assert errors[0] == pytest.approx(0.874, abs=0.001)
    assert errors[1_000] < errors[0] - 0.03
    assert errors[10_000] < errors[1_000] - 0.02
    assert errors[100_000] < errors[10_000] - 0.03


def test_a_frozen_preconditioner_goes_on_well_on_its_own_problem(tracked):
    optimizer, task, _ = tracked
    copied = frozen(optimizer, optimizer.x)
    losses = advance(copied, copy_of(task, [1]), 300)
    assert torch.equal(copied.preconditioner.weights, optimizer.preconditioner.weights)
    assert losses.isfinite().all()
    assert losses.max() < 40


def test_a_frozen_preconditioner_blows_up_on_another_problem_within_ten_steps(tracked):
    optimizer, _, _ = tracked
    task = build_task("quadratic", [2])
    copied = frozen(optimizer, task.initial_point())
    losses = advance(copied, task, 11)
    assert torch.equal(copied.preconditioner.weights, optimizer.preconditioner.weights)
    assert losses[0] < 100
    assert losses[10] > 1e10


def test_before_it_is_frozen_it_is_stable_on_the_other_problem():
    task = build_task("quadratic", [2])
    fresh = build_optimizer("lodo", task.initial_point(), [{**TUNED, "meta_learning_rate": 1e-300}], [1])
    assert advance(fresh, task, 300).max() < 100
