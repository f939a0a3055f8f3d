"""What is measured besides the losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench import training
from lodo_bench.metrics import HessianError, metrics_of
from lodo_bench.spec import OptimizerSpec, TaskSpec
from lodo_bench.training import train
from tests.helpers import build_optimizer, build_task, defaults, training_spec

RATES = [{"meta_learning_rate": 0.001, "momentum": 0.5, "initial_learning_rate": rate} for rate in (0.5, 2.0)]


def pair(optimizer="lodo", task="quadratic", **options):
    problem = build_task(task, [1, 2], **({"dimension": 12} if task == "quadratic" else {}))
    individuals = RATES if optimizer.startswith("lodo") else [defaults(optimizer)] * 2
    return problem, build_optimizer(optimizer, problem.initial_point(), individuals, [1, 2], **options)


def exact(problem, optimizer):
    hessian = problem.hessian(optimizer.x)
    product = torch.stack([optimizer.precondition(hessian[:, :, j]) for j in range(problem.dimension)], dim=2)
    identity = torch.eye(problem.dimension, dtype=torch.float64)
    return torch.linalg.matrix_norm(identity - product) / problem.dimension**0.5


def test_a_multiple_of_the_identity_has_the_error_of_the_spectrum():
    problem, optimizer = pair(layers=0)
    spectrum = torch.logspace(-3, 0, 12, dtype=torch.float64)
    expected = torch.stack([(1 - rate["initial_learning_rate"] * spectrum).square().mean().sqrt() for rate in RATES])
    torch.testing.assert_close(exact(problem, optimizer), expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(HessianError(problem, optimizer).measure()["hessian_error"], expected, rtol=0.05, atol=0)


def test_a_preconditioner_that_is_trained_is_measured_like_its_matrix():
    problem, optimizer = pair()
    for _ in range(50):
        problem.next_batch()
        optimizer.step(problem.loss_and_gradient(optimizer.x)[1], None)
    measured = HessianError(problem, optimizer).measure()["hessian_error"]
    torch.testing.assert_close(measured, exact(problem, optimizer), rtol=0.05, atol=0)


@pytest.mark.parametrize(
    ("optimizer", "measured"), [("lodo", True), ("lodo-dense", True), ("bfgs", True), ("adam", False)]
)
def test_only_of_optimizers_with_a_preconditioner(optimizer, measured):
    assert (metrics_of(*pair(optimizer)) != []) == measured


def spec(**changes):
    small = replace(training_spec("lodo", steps=250), task=TaskSpec("quadratic", {"dimension": 12}))
    return replace(small, **changes)


def test_final_runs_are_measured_every_hundred_steps():
    (outcome,) = train(spec())
    series = outcome.curve.metrics["hessian_error"]
    assert series.steps.tolist() == [100, 200]
    assert np.isfinite(series.values).all()
    assert train(spec(purpose="tuning"))[0].curve.metrics == {}
    assert (
        train(spec(optimizer=OptimizerSpec("adam"), individuals=training_spec("adam").individuals))[0].curve.metrics
        == {}
    )


def test_measuring_changes_no_loss(monkeypatch):
    (measured,) = train(spec())
    monkeypatch.setattr(training, "metrics_of", lambda task, optimizer: [])
    (unmeasured,) = train(spec())
    assert unmeasured.curve.metrics == {}
    assert np.array_equal(measured.curve.losses, unmeasured.curve.losses)
