"""Which pairs of a task and an optimizer no seed changes, bit for bit, and the seeds of final runs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench.optimizers import OPTIMIZERS, load_optimizer, optimizer_spec
from lodo_bench.optimizers.l2lbgdbgd import WEIGHTS
from lodo_bench.runs.replicates import is_deterministic, run_set_specs
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tasks.custom.function import FunctionTask
from lodo_bench.tasks.diagnostic_cases import CASES
from lodo_bench.tasks.functions import FUNCTIONS
from lodo_bench.training.trainer import Trainer
from tests.builders import run_set_spec
from tests.helpers import SMALL, training_spec

ROSENBROCK = TaskSpec("rosenbrock")
STEPS = 6
VARIANTS = {
    **{name: SMALL.get(name, {}) for name in TASKS.names},
    **{f"test-functions {name}": {"function": name} for name in FUNCTIONS},
    "logistic-regression in batches": {**SMALL["logistic-regression"], "batch_size": 2},
    "test-functions with noise": {"function": "rosenbrock", "noise_variance": 0.1},
    **{f"diagnostics {case}": {"case": case} for case in CASES},
}


def losses(task, optimizer, seed):
    """The losses of a run's first steps, and the point that they lead to."""
    values = {p.name: p.initial for p in load_optimizer(optimizer).hyperparameters}
    spec = replace(
        training_spec("adam", task),
        optimizer=optimizer,
        individuals=(Individual((seed,), values),),
        steps=STEPS,
        # Weights count as trained: those of all seeds are the same.
        weights=np.full(WEIGHTS, 0.01).tobytes() if optimizer.name == "l2lbgdbgd" else b"",
    )
    trainer = Trainer.from_spec(spec)
    found, _ = trainer.run_steps(STEPS)
    return torch.cat([found.flatten(), trainer.x.flatten()])


def differ(task, optimizer):
    return not torch.equal(*(losses(task, optimizer, seed).nan_to_num() for seed in (0, 1)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_task_says_whether_seeds_change_it(variant):
    task = task_spec(variant.split(" ")[0], VARIANTS[variant])
    assert TASKS.load(task.name).is_random(task.options) == differ(task, OptimizerSpec("momentum"))


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_an_optimizer_says_whether_seeds_change_it(name):
    assert OPTIMIZERS.load(name).is_random == differ(ROSENBROCK, OptimizerSpec(name))


@pytest.mark.parametrize("name", ["torch.optim.AdamW", "torch.optim.SGD", "torch.optim.LBFGS", "torch.optim.Rprop"])
def test_optimizers_of_pytorch_draw_nothing(name):
    optimizer = optimizer_spec(name, {})
    assert is_deterministic(ROSENBROCK, optimizer)
    assert not differ(ROSENBROCK, optimizer)


def test_a_recipe_changes_nothing_about_it():
    assert is_deterministic(ROSENBROCK, optimizer_spec("adam", {}, {"schedule": "cosine", "weight_decay": 0.1}))
    assert not is_deterministic(ROSENBROCK, optimizer_spec("lodo", {}, {"schedule": "cosine"}))


class Drawing(torch.optim.SGD):
    """Says nothing of its randomness."""


class Quiet(torch.optim.SGD):
    is_random = False


@pytest.mark.parametrize(("cls", "expected"), [(Drawing, False), (Quiet, True)])
def test_of_other_classes_of_its_interface_what_they_say_counts(cls, expected):
    optimizer = OptimizerSpec(OPTIMIZERS.name_of(cls))
    assert is_deterministic(ROSENBROCK, optimizer) is expected


class Fixed(FunctionTask):
    step_milestone = 10

    @classmethod
    def draw_parameters(cls, options, generator):
        return {"x": torch.ones(3)}

    def loss(self, parameters, batch):
        return parameters["x"].square().sum()


class RandomStart(Fixed):
    @classmethod
    def draw_parameters(cls, options, generator):
        return {"x": torch.randn(3, generator=generator)}


class Batches(Fixed):
    def draw_batch(self, generator):
        return torch.randn(3, generator=generator)


class Epochs(Fixed):
    def epoch(self, generator):
        return torch.randn(4, 3, generator=generator)


@pytest.mark.parametrize(("task", "expected"), [(Fixed, False), (RandomStart, True), (Batches, True), (Epochs, True)])
def test_a_task_written_as_a_function_is_random_if_it_draws_anything(task, expected):
    assert task.is_random({}) is expected


SEARCHES = [Hyperparameters({"learning_rate": 0.1 * n}, "tuned", "", n) for n in (1, 2, 3)]


def test_each_search_has_seeds_of_its_own():
    specs = run_set_specs(run_set_spec(), SEARCHES)
    assert [spec.hyperparameters for spec in specs] == SEARCHES
    assert [list(spec.seeds) for spec in specs] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert not any(spec.deterministic for spec in specs)


def test_where_no_seed_changes_anything_each_search_has_one_run():
    specs = run_set_specs(run_set_spec(task=ROSENBROCK), SEARCHES)
    assert [list(spec.seeds) for spec in specs] == [[0], [1], [2]]
    assert all(spec.deterministic for spec in specs)


@pytest.mark.parametrize(("task", "optimizer"), [("rosenbrock", "lodo"), ("quadratic", "adam")])
def test_one_source_of_randomness_is_enough(task, optimizer):
    assert not is_deterministic(TaskSpec(task), OptimizerSpec(optimizer))
