"""What the paper proves or observes of LODO (§4, §5.1)."""

import numpy as np
import pytest
import torch

from lodo_bench.threads import single_thread
from tests.helpers import NoOracle, build_optimizer, build_task


def dense_run(alpha, steps, dimension=8):
    """b_t, A_t and the centre's steps s_t of simplified LODO on a noisy quadratic."""
    task = build_task("quadratic", [3], dimension=dimension, min_eigenvalue=0.2)
    x = task.initial_point()
    hessian = task.hessian(x)[0]
    values = [{"meta_learning_rate": alpha, "initial_learning_rate": 0.5}]
    optimizer = build_optimizer("lodo-dense", x, values, [3])
    offsets, matrices, centers = [], [], []
    for _ in range(steps):
        task.next_batch()
        gradient = task.loss_and_gradient(x)[1]
        offsets.append(torch.linalg.solve(hessian, gradient[0]))
        centers.append(x[0] - offsets[-1])
        optimizer.step(gradient, NoOracle())
        # G as it took this step.
        matrices.append(torch.eye(dimension, dtype=torch.float64) - optimizer.preconditioner.weights[0] @ hessian)
    return hessian, torch.stack(offsets), torch.stack(matrices), torch.stack(centers)


def test_simplified_lodo_follows_the_exact_dynamics():
    alpha = 0.001
    hessian, b, a, centers = dense_run(alpha, 200)
    moves = centers[1:] - centers[:-1]
    for t in range(199):
        torch.testing.assert_close(b[t + 1], a[t] @ b[t] - moves[t], rtol=1e-10, atol=1e-10)
        learned = a[t] - alpha * hessian @ torch.outer(b[t + 1], b[t]) @ hessian @ hessian
        torch.testing.assert_close(a[t + 1], learned, rtol=1e-10, atol=1e-10)


def test_simplified_lodo_learns_the_inverse_hessian():
    _, _, a, _ = dense_run(0.001, 6000)
    norms = torch.linalg.matrix_norm(a)
    assert norms[-500:].mean() < 0.7 * norms[0]


def test_a_saddle_repels_lodo_exponentially():
    rate, curvature = 0.4, -0.1
    x = torch.tensor([[1.0, 1e-6]], dtype=torch.float64)
    values = [{"meta_learning_rate": 1e-300, "momentum": 0.0, "initial_learning_rate": rate}]
    optimizer = build_optimizer("lodo", x, values, [0])
    bend = torch.tensor([1.0, curvature], dtype=torch.float64)
    distances = []
    for _ in range(200):
        optimizer.step(bend * x, NoOracle())
        distances.append(abs(float(x[0, 1])))
    growth = np.diff(np.log(distances))
    assert growth == pytest.approx(np.log(1 - rate * curvature), rel=1e-6)


TUNED = {"meta_learning_rate": 0.00082, "momentum": 0.146, "initial_learning_rate": 1.126}


def advance(optimizer, task, steps):
    losses = []
    with single_thread():
        for _ in range(steps):
            task.next_batch()
            loss, gradient = task.loss_and_gradient(optimizer.x)
            losses.append(float(loss))
            optimizer.step(gradient, NoOracle())
    return losses


def test_a_frozen_preconditioner_is_of_its_own_problem_only():
    old, new = (build_task("quadratic", [seed]) for seed in (1, 2))
    optimizer = build_optimizer("lodo", old.initial_point(), [TUNED], [1])
    advance(optimizer, old, 2000)
    # Frozen: what learns it no longer moves.
    optimizer._meta_rate.zero_()
    assert max(advance(optimizer, old, 200)) < 40
    optimizer.x.zero_()
    optimizer._average.zero_()
    assert not advance(optimizer, new, 300)[-1] < 1e4
