"""What every registered task must do."""

import math

import pytest
import torch

from lodo_bench.tasks import TASKS
from tests.helpers import SMALL, build_task, generators

pytestmark = pytest.mark.parametrize("name", TASKS.names)


def task_and_point(name, seeds=(1, 2, 3), dtype=torch.float64):
    task = build_task(name, seeds, dtype)
    task.next_batch()
    x = task.initial_point()
    return task, x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def is_random(name):
    """Whether building the task or moving it on draws from its generator."""
    (generator,) = generators([1])
    before = generator.get_state()
    TASKS.load(name)([generator], torch.float64, SMALL.get(name, {})).next_batch()
    return not torch.equal(before, generator.get_state())


def has_random_batches(name):
    """Whether moving the task on draws from its generator."""
    (generator,) = generators([1])
    task = TASKS.load(name)([generator], torch.float64, SMALL.get(name, {}))
    before = generator.get_state()
    task.next_batch()
    return not torch.equal(before, generator.get_state())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_precision_are_those_promised(name, dtype):
    task, x = task_and_point(name, dtype=dtype)
    loss, gradient = task.loss_and_gradient(x)
    population = TASKS.load(name).max_population or 3
    assert loss.shape == (population,)
    assert task.initial_point().shape == gradient.shape == (population, task.dimension)
    assert task.population == population
    assert task.initial_point().dtype == loss.dtype == gradient.dtype == dtype


def test_loss_and_gradient_repeat_on_the_same_batch(name):
    task, x = task_and_point(name)
    given = x.clone()
    first = [tensor.clone() for tensor in task.loss_and_gradient(x)]
    task.loss_and_gradient(x + 1)
    assert all(torch.equal(a, b) for a, b in zip(first, task.loss_and_gradient(x), strict=True))
    assert torch.equal(x, given)


def test_a_returned_gradient_is_not_overwritten_by_the_next(name):
    task, x = task_and_point(name)
    loss, gradient = task.loss_and_gradient(x)
    kept = loss.clone(), gradient.clone()
    task.next_batch()
    task.loss_and_gradient(x + 1)
    assert torch.equal(loss, kept[0])
    assert torch.equal(gradient, kept[1])


def test_the_gradient_matches_finite_differences(name):
    task, x = task_and_point(name)
    _, gradient = task.loss_and_gradient(x)
    random, width = torch.Generator().manual_seed(1), 1e-5
    for _ in range(5):
        # Of length one, as the farther it goes the more the slope changes on the way.
        direction = torch.nn.functional.normalize(torch.randn(x.shape, generator=random, dtype=x.dtype))
        ahead, behind = (task.loss_and_gradient(x + sign * width * direction)[0] for sign in (1, -1))
        slope = (ahead - behind) / (2 * width)
        torch.testing.assert_close((gradient * direction).sum(1), slope, rtol=1e-6, atol=1e-7)


def test_initial_point_is_a_fresh_tensor(name):
    task = build_task(name, [1, 2])
    first, second = task.initial_point(), task.initial_point()
    assert torch.equal(first, second)
    first.add_(1)
    assert not torch.equal(first, second)
    assert torch.equal(task.initial_point(), second)


def test_different_seeds_differ_where_the_task_is_random_and_equal_seeds_do_not(name):
    _, x = task_and_point(name, seeds=(0,))
    first, same, other = (task_and_point(name, seeds=(seed,))[0].loss_and_gradient(x)[1] for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert torch.equal(first, other) != is_random(name)


def test_a_fresh_batch_differs_where_batches_are_random(name):
    task, x = task_and_point(name)
    before = task.loss_and_gradient(x)[0].clone()
    task.next_batch()
    assert torch.equal(before, task.loss_and_gradient(x)[0]) != has_random_batches(name)


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


def test_metrics_are_measured_without_a_trace(name, monkeypatch):
    """What is followed of a run is finite, and its measurement changes neither x nor what comes after."""
    monkeypatch.setattr("lodo_bench.tasks.mnist.VALIDATION_IMAGES", 1)  # all 64 would take a while
    (task, x), (untouched, _) = task_and_point(name, dtype=torch.float32), task_and_point(name, dtype=torch.float32)
    given, evaluated = x.clone(), task.validation_metrics(x)
    assert bool(evaluated) == (TASKS.load(name).metric_interval is not None)
    for values in (*evaluated.values(), *task.test_metrics(x).values()):
        assert values.shape == (task.population,)
        assert values.isfinite().all()
    assert torch.equal(x, given)
    for each in (task, untouched):
        each.next_batch()
    after, expected = task.loss_and_gradient(x), untouched.loss_and_gradient(x)
    assert torch.equal(after[0], expected[0])
    assert torch.equal(after[1], expected[1])
