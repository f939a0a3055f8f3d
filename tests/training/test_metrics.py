"""What is measured besides the losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.training import trainer
from lodo_bench.training.loop import train
from lodo_bench.training.metrics import HessianError, metrics_of
from tests.builders import at_steps
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
    monkeypatch.setattr(trainer, "metrics_of", lambda task, optimizer: [])
    (unmeasured,) = train(spec())
    assert unmeasured.curve.metrics == {}
    assert np.array_equal(measured.curve.losses, unmeasured.curve.losses)


class Followed(Quadratic):
    """Tells the point's norm every 40 steps, and its first coordinate at milestones."""

    metric_interval = 40

    def validation_metrics(self, x):
        return {"norm": x.norm(dim=1)}

    def test_metrics(self, x):
        return {"first": x[:, 0]}


@pytest.fixture
def followed():
    """A specification on this task; its individuals' losses and points are those of the quadratic."""
    with TASKS.registered("quadratic", Followed):
        yield spec


def test_a_task_is_followed_at_its_interval_beside_the_other_metrics(followed):
    (outcome,) = train(followed())
    metrics = outcome.curve.metrics
    assert metrics["norm"].steps.tolist() == [40, 80, 120, 160, 200, 240]
    assert metrics["hessian_error"].steps.tolist() == [100, 200]
    for steps, norm in zip(metrics["norm"].steps, metrics["norm"].values, strict=True):
        (shorter,) = train(followed(steps=int(steps)))
        assert shorter.curve.metrics["norm"].values[-1] == norm


def test_a_milestones_scores_are_what_is_examined_and_the_tasks_latest_metrics(followed):
    (outcome,) = train(followed())
    assert set(outcome.scores) == {at_steps(250)}
    assert set(outcome.scores[at_steps(250)]) == {"norm", "first"}
    assert outcome.scores[at_steps(250)]["norm"] == outcome.curve.metrics["norm"].values[-1]
    (shorter,) = train(followed(steps=240))
    assert shorter.scores[at_steps(240)]["norm"] == outcome.scores[at_steps(250)]["norm"]
    assert shorter.scores[at_steps(240)]["first"] != outcome.scores[at_steps(250)]["first"]


@pytest.mark.parametrize(
    ("steps", "seconds", "order"), [(60, 90.0, ["steps", "seconds"]), (90, 60.0, ["seconds", "steps"])]
)
def test_every_milestone_is_scored_when_it_is_reached(followed, monkeypatch, steps, seconds, order):
    ticks = iter(range(1_000_000))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(ticks)))  # a step takes a second
    (outcome,) = train(followed(steps=steps, seconds=seconds))
    assert [milestone.unit for milestone in outcome.scores] == order
    (at_60,) = train(followed(steps=60))
    (at_90,) = train(followed(steps=90))
    for milestone, whole in zip(outcome.scores, (at_60, at_90), strict=True):
        assert outcome.scores[milestone] == next(iter(whole.scores.values()))


def test_tuning_measures_nothing(followed):
    (outcome,) = train(followed(purpose="tuning"))
    assert (outcome.curve.metrics, outcome.scores) == ({}, {})


def test_one_that_has_diverged_has_no_measurements_from_then_on_whatever_its_company(followed):
    tame, wild = (Individual((0,), {"learning_rate": rate, "momentum": 0.5}) for rate in (0.1, 30.0))
    momentum = {"optimizer": OptimizerSpec("momentum"), "steps": 400}
    sound, together = train(followed(individuals=(tame, wild), **momentum))
    (alone,) = train(followed(individuals=(wild,), **momentum))
    assert len(sound.curve.metrics["norm"].steps) == 10
    assert 40 < together.steps < 400
    assert together.scores == alone.scores == {}
    expected = list(range(40, together.steps, 40))
    assert together.curve.metrics["norm"].steps.tolist() == alone.curve.metrics["norm"].steps.tolist() == expected
