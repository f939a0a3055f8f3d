"""Diagnostics: their losses, their noise, and who solves them."""

import numpy as np
import pytest
import torch

from lodo_bench.analysis.statistics.target import first_crossing
from lodo_bench.errors import UsageError
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.tasks import task_spec
from lodo_bench.tasks.diagnostic_cases import CASES
from lodo_bench.tasks.diagnostics import Diagnostics
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.training.loop import train
from tests.helpers import build_task, training_spec

STEPS = 1000
BATCHED, NOISY = "sparse-gradients", "heavy-tailed-noise"
# Of each case a point where the loss is 0.
MINIMA = {"saddle": (0.0, 1.0), "sparse-gradients": (1.0,) * 100}
ADAM = {"beta1": 0.9, "beta2": 0.999}


def build(case, seeds=(0,)):
    return build_task("diagnostics", seeds, case=case)


def points(task):
    random = torch.Generator().manual_seed(0)
    return task.initial_point() + torch.randn(task.initial_point().shape, generator=random, dtype=torch.float64)


def steps_to_solve(case, optimizer, hyperparameters):
    task = TaskSpec("diagnostics", {} if case == "saddle" else {"case": case})
    individuals = tuple(Individual((seed,), hyperparameters) for seed in range(2))
    outcomes = train(training_spec(optimizer, task, individuals=individuals, steps=STEPS))
    found = [first_crossing(outcome.curve, CASES[case].solved_below, STEPS // 10 - 1) for outcome in outcomes]
    return [None if crossing is None else crossing.step for crossing in found]


@pytest.mark.parametrize(
    ("case", "optimizer", "hyperparameters"),
    [
        ("saddle", "adam", {"learning_rate": 0.05, **ADAM}),
        ("plateau", "adam", {"learning_rate": 0.1, **ADAM}),
        ("heavy-tailed-noise", "adam", {"learning_rate": 0.01, **ADAM}),
        ("badly-scaled-layers", "adam", {"learning_rate": 0.05, **ADAM}),
        ("sparse-gradients", "momentum", {"learning_rate": 0.1, "momentum": 0.9}),
        ("ill-conditioned", "newton", {}),
    ],
)
def test_a_suitable_optimizer_solves_it(case, optimizer, hyperparameters):
    assert all(step < STEPS // 1.5 for step in steps_to_solve(case, optimizer, hyperparameters))


@pytest.mark.parametrize(
    ("case", "optimizer", "hyperparameters"),
    [
        ("saddle", "newton", {}),  # it is attracted by the saddle
        ("plateau", "momentum", {"learning_rate": 0.3, "momentum": 0.9}),
        ("heavy-tailed-noise", "momentum", {"learning_rate": 0.1, "momentum": 0.9}),
        ("badly-scaled-layers", "momentum", {"learning_rate": 0.1, "momentum": 0.9}),
        ("sparse-gradients", "momentum", {"learning_rate": 0.001, "momentum": 0.9}),
        ("ill-conditioned", "momentum", {"learning_rate": 0.3, "momentum": 0.9}),
    ],
)
def test_a_badly_chosen_one_does_not(case, optimizer, hyperparameters):
    assert steps_to_solve(case, optimizer, hyperparameters) == [None, None]


@pytest.mark.parametrize("case", CASES)
def test_the_minimum_is_zero_and_no_loss_is_below_it(case):
    task = build(case, range(200))
    task.next_batch()
    assert (task.loss_and_gradient(points(task))[0] >= 0).all()
    task = build(case)
    best = torch.tensor([MINIMA.get(case, (0.0,) * task.dimension)], dtype=torch.float64)
    task.next_batch()
    assert task.loss_and_gradient(best)[0].item() == Diagnostics.optimal_loss({"case": case}).loss == 0


@pytest.mark.parametrize("case", CASES)
def test_the_level_is_between_the_minimum_and_the_start(case):
    task = build(case)
    level = Diagnostics.solved_below({"case": case})
    assert 0 < level < 0.1 * task.loss_and_gradient(task.initial_point())[0].item()


@pytest.mark.parametrize("case", CASES)
def test_gradients_and_hessians_are_central_differences(case):
    task = build(case, range(3))
    task.next_batch()
    x, width = points(task), 1e-5
    gradient, hessian = task.loss_and_gradient(x)[1], task.hessian(x)
    for index in range(min(task.dimension, 12)):
        step = torch.zeros(task.dimension, dtype=torch.float64)
        step[index] = width
        (ahead, slope_ahead), (behind, slope_behind) = (task.loss_and_gradient(x + s) for s in (step, -step))
        torch.testing.assert_close(gradient[:, index], (ahead - behind) / (2 * width), rtol=1e-6, atol=1e-7)
        difference = (slope_ahead - slope_behind) / (2 * width)
        torch.testing.assert_close(hessian[:, index], difference, rtol=1e-5, atol=1e-6)


def test_the_starting_point_of_the_saddle_is_near_the_line_into_it():
    task = build("saddle")
    saddle = torch.zeros(1, 2, dtype=torch.float64)
    loss, gradient = task.loss_and_gradient(saddle)
    assert (loss.item(), gradient.tolist()) == (0.25, [[0.0, 0.0]])
    assert torch.linalg.eigvalsh(task.hessian(saddle)).tolist() == [[-1.0, 1.0]]


def test_the_condition_number_is_ten_thousand_and_no_axis_is_an_eigenvector():
    task = build("ill-conditioned")
    hessian = task.hessian(task.initial_point())[0].numpy()
    np.testing.assert_allclose(np.linalg.eigvalsh(hessian), np.geomspace(1e-4, 1, 10), rtol=1e-9)
    assert (abs(hessian - np.diag(np.diag(hessian))).max(axis=0) > 1e-3).all()
    assert task.loss_and_gradient(task.initial_point())[0].item() == pytest.approx(0.5)


def test_the_layers_have_gradients_of_different_sizes():
    task = build("badly-scaled-layers")
    gradient = task.loss_and_gradient(task.initial_point())[1][0]
    sizes = [gradient[layer].abs().max().item() for layer in task.layers]
    assert sizes == pytest.approx([1, 1e-2, 1e-4])
    assert [tensor.size for tensor in task.tensors] == [4, 4, 4]


def test_the_noise_has_the_tails_of_students_t():
    """Of t with 2 degrees of freedom: P(|t| > a) = 1 − a / √(2 + a²)."""
    task = build(NOISY, range(200))
    origin, draws = torch.zeros_like(task.initial_point()), []
    for _ in range(50):
        task.next_batch()
        draws.append(task.loss_and_gradient(origin)[1])
    noise = torch.stack(draws).flatten()
    for bound in (0.5, 2.0, 10.0):
        expected = 1 - bound / (2 + bound**2) ** 0.5
        share = (noise.abs() > bound).double().mean().item()
        assert abs(share - expected) < 5 * (expected / noise.numel()) ** 0.5
    assert abs((noise > 0).double().mean().item() - 0.5) < 2.5 * noise.numel() ** -0.5


def test_the_loss_is_without_noise_where_the_batch_is_evaluated_first():
    task = build(NOISY, [1, 2])
    x = points(task)
    for _ in range(3):
        task.next_batch()
        assert torch.equal(task.loss_and_gradient(x)[0], 0.5 * x.square().sum(1))
        assert not torch.equal(task.loss_and_gradient(x + 1)[0], 0.5 * (x + 1).square().sum(1))


def test_gradients_are_sparse_with_the_stated_frequencies():
    task = build(BATCHED, range(500))
    present = torch.zeros(100, dtype=torch.float64)
    for _ in range(20):
        task.next_batch()
        present += (task.loss_and_gradient(task.initial_point())[1] != 0).sum(0)
    share, expected = present / 10_000, 1 / torch.arange(1, 101)
    assert (abs(share - expected) < 5 * (expected / 10_000).sqrt()).all()


@pytest.mark.parametrize("case", [BATCHED, NOISY])
def test_it_goes_on_from_its_state(case):
    first, second = build(case, [1, 2]), build(case, [5, 6])
    x = points(first)
    for _ in range(3):
        first.next_batch()
    first.loss_and_gradient(x)
    second.load_state_dict(first.state_dict(), torch.device("cpu"))
    for _ in range(2):
        for expected, found in zip(first.loss_and_gradient(x + 1), second.loss_and_gradient(x + 1), strict=True):
            assert torch.equal(found, expected)
        first.next_batch()
        second.next_batch()


@pytest.mark.parametrize("case", CASES)
def test_individuals_do_not_depend_on_the_others(case):
    together = build(case, range(5))
    x = points(together)
    together.next_batch()
    losses, gradients = together.loss_and_gradient(x)
    for seed in range(5):
        alone = build(case, [seed])
        alone.next_batch()
        loss, gradient = alone.loss_and_gradient(x[seed : seed + 1].clone())
        assert torch.equal(loss, losses[seed : seed + 1])
        assert torch.equal(gradient, gradients[seed : seed + 1])


def test_other_tasks_have_no_criterion():
    assert Quadratic.solved_below({}) is None


def test_an_unknown_case_is_refused():
    with pytest.raises(UsageError, match=r"invalid case = cliff.*saddle or plateau"):
        task_spec("diagnostics", {"case": "cliff"})
