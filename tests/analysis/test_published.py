"""The paper's numbers as they are printed: Table 6 (hyperparameters) and Table 8 (losses)."""

import pytest

from lodo_bench.analysis.published import (
    PublishedScore,
    published_hyperparameters,
    published_optimizers,
    published_score,
)
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.options import resolve
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from tests.builders import at_seconds, at_steps

TABLE_6 = {
    ("quadratic", "adam"): {"learning_rate": 1.164, "beta1": 0.465, "beta2": 0.9884},
    ("quadratic", "momentum"): {"learning_rate": 1.394, "momentum": 0.529},
    ("quadratic", "rmsprop"): {"learning_rate": 0.449, "rho": 0.04943, "momentum": 0.595},
    ("quadratic", "yogi"): {"learning_rate": 2.169, "beta1": 0.4362, "beta2": 0.9999723},
    ("quadratic", "lodo"): {"meta_learning_rate": 0.0009600, "momentum": 0.195, "initial_learning_rate": 0.270},
    ("rosenbrock", "adam"): {"learning_rate": 0.9704, "beta1": 0.864, "beta2": 0.99804},
    ("rosenbrock", "momentum"): {"learning_rate": 0.09870, "momentum": 0.9359},
    ("rosenbrock", "rmsprop"): {"learning_rate": 0.004318, "rho": 0.02836, "momentum": 0.880},
    ("rosenbrock", "yogi"): {"learning_rate": 0.2991, "beta1": 0.9273, "beta2": 0.998787},
    ("rosenbrock", "lodo"): {"meta_learning_rate": 0.0001394, "momentum": 0.897, "initial_learning_rate": 0.2946},
    ("mnist", "adam"): {"learning_rate": 0.0009554, "beta1": 0.9323, "beta2": 0.99505},
    ("mnist", "momentum"): {"learning_rate": 0.003411, "momentum": 0.9640},
    ("mnist", "yogi"): {"learning_rate": 0.0009340, "beta1": 0.9319, "beta2": 0.999708},
    ("mnist", "lodo"): {"meta_learning_rate": 7.946e-6, "momentum": 0.9343, "initial_learning_rate": 0.08459},
    ("mnist", "lodo-diagonal"): {
        "meta_learning_rate": 0.0005196,
        "momentum": 0.9860,
        "initial_learning_rate": 0.1325,
    },
    ("mnist", "lodo-sgd"): {"meta_learning_rate": 0.0007196, "momentum": 0.9499, "initial_learning_rate": 0.1035},
    ("cifar10", "adam"): {"learning_rate": 0.0004295, "beta1": 0.9562, "beta2": 0.99814},
    ("cifar10", "momentum"): {"learning_rate": 0.009942, "momentum": 0.99409},
    ("cifar10", "yogi"): {"learning_rate": 0.001829, "beta1": 0.9730, "beta2": 0.9828},
    ("cifar10", "lodo"): {"meta_learning_rate": 0.0001134, "momentum": 0.9490, "initial_learning_rate": 0.1725},
}
TABLE_8 = {
    "adam": PublishedScore(5.342e-5),
    "rmsprop": PublishedScore(8.967e-4),
    "momentum": PublishedScore(1.397e-2),
    "yogi": PublishedScore(7.916e-4),
    "lodo": PublishedScore(1.040e-3, 2.14e-5),
}
FIRST_ORDER = ("adam", "momentum", "rmsprop", "yogi")


@pytest.mark.parametrize(("task", "optimizer"), TABLE_6)
def test_the_hyperparameters_are_those_of_table_6(task, optimizer):
    assert published_hyperparameters(TaskSpec(task), OptimizerSpec(optimizer)) == TABLE_6[task, optimizer]


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names)
@pytest.mark.parametrize("task", TASKS.names)
def test_what_is_published_can_be_run(task, optimizer):
    values = published_hyperparameters(TaskSpec(task), OptimizerSpec(optimizer))
    if values is not None:
        parameters = OPTIMIZERS.load(optimizer).hyperparameters
        assert resolve(parameters, values, optimizer) == values
        assert list(values) == [p.name for p in parameters]


@pytest.mark.parametrize("optimizer", TABLE_8)
def test_the_losses_are_those_of_table_8(optimizer):
    assert published_score(TaskSpec("rosenbrock"), at_steps(200), OptimizerSpec(optimizer)) == TABLE_8[optimizer]


@pytest.mark.parametrize(
    ("task", "optimizers"),
    [
        (
            "quadratic",
            (*FIRST_ORDER, "l-bfgs", "o-lbfgs", "l2lbgdbgd", "lodo", "bfgs", "levenberg-marquardt", "newton"),
        ),
        ("rosenbrock", ("adam", "rmsprop", "momentum", "yogi", "lodo")),
        ("cifar10", (*FIRST_ORDER, "lars", "lodo")),
    ],
)
def test_the_optimizers_are_those_of_the_tables_in_their_order(task, optimizers):
    assert published_optimizers(task) == optimizers


def test_mnist_has_the_optimizers_of_tables_2_and_3():
    variants = [f"lodo-{name}" for name in ("diagonal", "global", "residuals", "no-momentum", "sgd")]
    assert published_optimizers("mnist") == (*FIRST_ORDER, "lars", "lodo", *variants)


def test_nothing_is_published_of_an_unknown_task():
    task = TaskSpec("saddle")
    assert published_optimizers("saddle") == ()
    assert published_hyperparameters(task, OptimizerSpec("adam")) is None
    assert published_score(task, at_steps(200), OptimizerSpec("adam")) is None


def test_nothing_is_published_of_an_unknown_optimizer():
    assert published_hyperparameters(TaskSpec("quadratic"), OptimizerSpec("mine")) is None
    assert published_score(TaskSpec("rosenbrock"), at_steps(200), OptimizerSpec("mine")) is None


@pytest.mark.parametrize("milestone", [at_steps(100), at_steps(2000), at_seconds(200)])
def test_a_score_is_of_its_own_milestone_only(milestone):
    assert published_score(TaskSpec("rosenbrock"), milestone, OptimizerSpec("adam")) is None


def test_what_is_not_known_is_not_made_up():
    assert published_score(TaskSpec("quadratic"), at_steps(100000), OptimizerSpec("adam")) is None
    assert published_hyperparameters(TaskSpec("quadratic"), OptimizerSpec("newton")) is None


def test_with_other_options_nothing_is_published():
    assert published_hyperparameters(TaskSpec("quadratic", {"noise_variance": 4.0}), OptimizerSpec("adam")) is None
    assert published_score(TaskSpec("rosenbrock", {"dimension": 3}), at_steps(200), OptimizerSpec("adam")) is None


@pytest.mark.parametrize(
    ("optimizer", "by_steps", "by_time"),
    [("adam", 0.809, 0.854), ("yogi", 0.686, 0.674), ("lodo", 0.689, 0.689), ("lodo-sgd", 0.698, 0.707)],
)
def test_the_test_losses_are_those_of_tables_2_and_3(optimizer, by_steps, by_time):
    mnist, spec = TaskSpec("mnist"), OptimizerSpec(optimizer)
    assert published_score(mnist, at_steps(300000), spec, "test_loss") == PublishedScore(by_steps)
    assert published_score(mnist, at_seconds(50000), spec, "test_loss") == PublishedScore(by_time)
    assert published_score(mnist, at_steps(300000), spec) is None


@pytest.mark.parametrize(
    ("task", "milestone", "optimizer", "score"),
    [("quadratic", at_steps(100000), "bfgs", "loss"), ("mnist", at_steps(300000), "lodo-diagonal", "test_loss")],
)
def test_what_diverged_in_the_paper_is_infinite(task, milestone, optimizer, score):
    assert published_score(TaskSpec(task), milestone, OptimizerSpec(optimizer), score) == PublishedScore(float("inf"))


def test_newton_is_at_the_bound():
    assert published_score(TaskSpec("quadratic"), at_steps(100000), OptimizerSpec("newton")) == PublishedScore(7.41)
