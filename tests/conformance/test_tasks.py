"""What every registered task must do."""

import math

import pytest
import torch

from lodo_bench.conformance.checks import TASK_CHECKS
from lodo_bench.tasks import TASKS
from tests.helpers import SMALL, build_task, generators, small_case

pytestmark = pytest.mark.parametrize("name", TASKS.names)

# Tasks without noise, and one whose batches are all examples.
SAME_BATCHES = ("rosenbrock", "logistic-regression", "test-functions", "deep-linear", "diagnostics")


def task_and_point(name, seeds=(1, 2, 3)):
    task = build_task(name, seeds)
    task.next_batch()
    x = task.initial_point()
    return task, x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)


def is_random(name):
    """Whether building the task or moving it on draws from its generator."""
    (generator,) = generators([1])
    before = generator.get_state()
    TASKS.load(name)([generator], torch.float64, SMALL.get(name, {})).next_batch()
    return not torch.equal(before, generator.get_state())


@pytest.mark.parametrize("rule", TASK_CHECKS)
def test_it_keeps_the_rules(name, rule, monkeypatch):
    monkeypatch.setattr("lodo_bench.tasks.mnist.VALIDATION_IMAGES", 1)  # all 64 would take a while
    TASK_CHECKS[rule](small_case(name))


def test_different_seeds_differ_where_the_task_is_random_and_equal_seeds_do_not(name):
    _, x = task_and_point(name, seeds=(0,))
    first, same, other = (task_and_point(name, seeds=(seed,))[0].loss_and_gradient(x)[1] for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert torch.equal(first, other) != is_random(name)


def test_a_fresh_batch_differs_where_batches_are_random(name):
    task, x = task_and_point(name)
    before = task.loss_and_gradient(x)[0].clone()
    task.next_batch()
    assert torch.equal(before, task.loss_and_gradient(x)[0]) != (name not in SAME_BATCHES)


def test_what_other_rooms_need_is_stated_on_the_class(name):
    kind = TASKS.load(name)
    assert kind.step_milestone >= 1
    assert kind.default_dtype in ("float32", "float64")
    assert kind.max_population is None or kind.max_population >= 1
    bound = kind.optimal_loss({})
    assert bound is None or math.isfinite(bound.loss)


def test_options_are_declared_properly(name):
    table = TASKS.load(name).options_table
    names = [n for p in table for n in {p.name, p.alias}]
    assert len(set(names)) == len(names)
    for option in table:
        assert option.validate(option.default, name) == option.default
        assert option.description
    assert TASKS.load(name)(generators([1]), torch.float32, {}).options == {o.name: o.default for o in table}


def test_its_documentation_says_what_it_is(name):
    assert len(TASKS.load(name).__doc__) > 20
