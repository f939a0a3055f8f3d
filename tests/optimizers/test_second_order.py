"""L-BFGS, O-LBFGS, BFGS, Levenberg-Marquardt and Newton against NumPy loops written from the formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench.compute.selection import use_backend
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec
from lodo_bench.training.loop import train
from tests.helpers import TaskOracle, build_optimizer, build_task, training_spec

STEPS = 50
LBFGS = [{"learning_rate": lr, "decay_steps": tau} for lr, tau in ((0.5, 100.0), (0.2, 30.0), (1.0, 1e4))]
BFGS = [{"learning_rate": lr, "initial_scale": c} for lr, c in ((0.01, 1.0), (0.1, 0.5), (0.03, 2.0))]
MARQUARDT = [{"damping": damping} for damping in (0.1, 1.0, 10.0)]


class Bowl:
    """One individual's noisy quadratic.

    Its gradients are the task's own: the first step of L-BFGS is so short that the change of the gradient over it has
    few digits that are not rounding errors, and another way to compute it would have others.
    """

    def __init__(self, task):
        self.task, self.batch = task, -1
        self.h = task.hessian(task.initial_point())[0].numpy()

    def gradient(self, t, x):
        for _ in range(t - self.batch):
            self.task.next_batch()
        self.batch = t
        return self.task.loss_and_gradient(torch.tensor(x).unsqueeze(0))[1][0].numpy().copy()

    def hessian(self, x):
        return self.h


class Valley:
    """Rosenbrock in NumPy."""

    def gradient(self, t, x):
        off = x[1] - x[0] ** 2
        return np.array([-0.02 * (1 - x[0]) - 4 * x[0] * off, 2 * off])

    def hessian(self, x):
        return np.array([[0.02 - 4 * (x[1] - x[0] ** 2) + 8 * x[0] ** 2, -4 * x[0]], [-4 * x[0], 2.0]])


def lbfgs(problem, x, steps, *, learning_rate, decay_steps, history, mean):
    points, pairs = [], []
    for t in range(steps):
        g = problem.gradient(t, x)
        p = -g
        if pairs:
            memory = []
            for s, y in reversed(pairs):
                a = (s @ p) / (s @ y)
                p = p - a * y
                memory.append(a)
            ratios = [(s @ y) / (y @ y) for s, y in pairs]
            p = p * (np.mean(ratios) if mean else ratios[-1])
            for (s, y), a in zip(pairs, reversed(memory), strict=True):
                p = p + (a - (y @ p) / (s @ y)) * s
        else:
            p = 1e-10 * p
        new = x + learning_rate * decay_steps / (decay_steps + t) * p
        pairs = [*pairs, (new - x, problem.gradient(t, new) - g)][-history:]
        x = new
        points.append(x)
    return np.array(points)


def bfgs(problem, x, steps, *, learning_rate, initial_scale):
    inverse, points, former, move = initial_scale * np.eye(len(x)), [], None, None
    for t in range(steps):
        g = problem.gradient(t, x)
        if former is not None:
            y, s = g - former, move
            r, identity = 1 / (s @ y), np.eye(len(x))
            left = identity - r * np.outer(s, y)
            inverse = left @ inverse @ left.T + r * np.outer(s, s)
        former, move = g, -learning_rate * inverse @ g
        x = x + move
        points.append(x)
    return np.array(points)


def levenberg_marquardt(problem, x, steps, *, damping):
    points = []
    for t in range(steps):
        h = problem.hessian(x)
        square = h @ h
        x = x - np.linalg.solve(square + damping * np.diag(np.diag(square)), h @ problem.gradient(t, x))
        points.append(x)
    return np.array(points)


def newton(problem, x, steps):
    points = []
    for t in range(steps):
        x = x - np.linalg.solve(problem.hessian(x), problem.gradient(t, x))
        points.append(x)
    return np.array(points)


def run(optimizer, task, individuals, steps=STEPS, **options):
    """The points of a population, (steps, P, n)."""
    x = task.initial_point()
    built, oracle = build_optimizer(optimizer, x, individuals, range(3), **options), TaskOracle(task)
    points = []
    for _ in range(steps):
        task.next_batch()
        built.step(task.loss_and_gradient(x)[1], oracle)
        points.append(x.clone())
    return torch.stack(points).numpy(), oracle


def bowl(*seeds):
    return build_task("quadratic", seeds or (1, 2, 3), dimension=12, min_eigenvalue=0.05)


CASES = [
    ("l-bfgs", LBFGS, {"history": 5}, lambda *a, **v: lbfgs(*a, **v, history=5, mean=False)),
    ("l-bfgs", LBFGS, {}, lambda *a, **v: lbfgs(*a, **v, history=48, mean=False)),
    ("o-lbfgs", LBFGS, {"history": 5}, lambda *a, **v: lbfgs(*a, **v, history=5, mean=True)),
    ("o-lbfgs", LBFGS, {}, lambda *a, **v: lbfgs(*a, **v, history=48, mean=True)),
    ("levenberg-marquardt", MARQUARDT, {}, levenberg_marquardt),
    ("newton", [{}] * 3, {}, newton),
]


@pytest.mark.parametrize("backend", ["torch", "numba"])
@pytest.mark.parametrize(("optimizer", "individuals", "options", "expected"), CASES)
def test_the_noisy_quadratic_as_in_numpy(optimizer, individuals, options, expected, backend):
    task = bowl()  # the same as that of the expected points, whatever computes the recursion
    with use_backend(backend):
        points, _ = run(optimizer, task, individuals, **options)
    for p, values in enumerate(individuals):
        np.testing.assert_allclose(
            points[:, p], expected(Bowl(bowl(p + 1)), np.zeros(12), STEPS, **values), rtol=1e-10, atol=1e-10
        )


# Without a safeguard of the curvature it soon grows beyond all bounds, and rounding errors with it.
@pytest.mark.parametrize("steps", [8])
def test_bfgs_on_the_noisy_quadratic_as_in_numpy(steps):
    points, _ = run("bfgs", bowl(), BFGS, steps)
    for p, values in enumerate(BFGS):
        expected = bfgs(Bowl(bowl(p + 1)), np.zeros(12), steps, **values)
        np.testing.assert_allclose(points[:, p], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("optimizer", "individuals", "expected"),
    [
        ("bfgs", [{"learning_rate": lr, "initial_scale": c} for lr, c in ((0.1, 0.1), (0.2, 0.05), (0.05, 0.2))], bfgs),
        ("levenberg-marquardt", MARQUARDT, levenberg_marquardt),
    ],
)
def test_rosenbrock_as_in_numpy(optimizer, individuals, expected):
    points, _ = run(optimizer, build_task("rosenbrock", [1, 2, 3]), individuals)
    for p, values in enumerate(individuals):
        start = np.array([-0.5, 2.0])
        np.testing.assert_allclose(points[:, p], expected(Valley(), start, STEPS, **values), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("optimizer", "each"), [("l-bfgs", 2), ("o-lbfgs", 2), ("bfgs", 1), ("newton", 1)])
def test_the_second_evaluation_is_counted_as_cost(optimizer, each):
    values = {"l-bfgs": LBFGS[0], "o-lbfgs": LBFGS[0], "bfgs": BFGS[0], "newton": {}}[optimizer]
    spec = training_spec(optimizer, individuals=(Individual((0,), values),), steps=7)
    (outcome,) = train(spec)
    assert (outcome.steps, outcome.evaluations) == (7, 7 * each)


def test_without_damping_it_jumps_to_the_minimum():
    task = bowl()
    x = task.initial_point()
    optimizer = build_optimizer("levenberg-marquardt", x, [{"damping": 1e-12}] * 3, range(3))
    task.next_batch()
    optimizer.step(task.loss_and_gradient(x)[1], TaskOracle(task))
    assert task.loss_and_gradient(x)[0].max() < 1e-12


def test_newtons_mean_loss_is_the_bound():
    individuals = tuple(Individual((seed,), {}) for seed in range(8))
    spec = training_spec("newton", individuals=individuals, steps=2000)
    losses = np.stack([outcome.curve.losses[1:] for outcome in train(spec)])
    error = losses.std() / losses.size**0.5
    assert losses.mean() == pytest.approx(7.412, abs=4 * error)
    assert error < 0.05


def test_much_damping_goes_nowhere():
    points, _ = run("levenberg-marquardt", bowl(), [{"damping": 1e12}] * 3)
    assert np.abs(points).max() < 1e-6


def test_a_singular_hessian_is_a_divergence():
    spec = training_spec("newton", individuals=(Individual((0,), {}),), steps=20)
    flat = TaskSpec("quadratic", {"dimension": 4, "min_eigenvalue": 1e-320, "max_eigenvalue": 1e-320})
    (outcome,) = train(replace(spec, task=flat))
    assert outcome.status is Status.DIVERGED


def test_the_history_is_an_option():
    assert OptimizerSpec("l-bfgs", {"history": 5}).label == "l-bfgs (history=5)"
