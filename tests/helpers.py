"""Populations and training specs for tests."""

from collections.abc import Iterable, Sequence

import torch

from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task
from tests.compute_specs import changed

# The tasks whose individuals may run in lockstep.
LOCKSTEP = tuple(name for name in TASKS.names if TASKS.load(name).max_population is None)
# Of these, the pairs of optimizer and task in which the task provides what the optimizer needs.
LOCKSTEP_PAIRS = [
    (optimizer, task)
    for optimizer in OPTIMIZERS.names
    for task in LOCKSTEP
    if OPTIMIZERS.load(optimizer).needs <= TASKS.load(task).offers
]
# For the other tasks, options that make them as small as they come.
SMALL: dict[str, dict[str, Value]] = {
    "mnist": {"batch_size": 2, "test_samples": 3},
    "cifar10": {"batch_size": 3, "width": 1},
}


class TaskOracle:
    """Lets an optimizer query a task, and counts the gradients."""

    progress = 0.0

    def __init__(self, task):
        self.task, self.layers, self.asked = task, task.layers, 0

    def gradient(self, x):
        self.asked += 1
        return self.task.loss_and_gradient(x)[1]

    def hessian(self, x):
        return self.task.hessian(x)


def generators(seeds: Iterable[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def defaults(optimizer: str) -> dict[str, float]:
    return {p.name: p.default for p in OPTIMIZERS.load(optimizer).hyperparameters}


def another_value(parameter: Option, index: int = 1) -> float:
    if parameter.kind == "decay":
        return parameter.default ** (1 + 0.3 * index)
    return parameter.default * (1 + 0.3 * index)


def varied_individual(optimizer: str, index: int) -> Individual:
    parameters = OPTIMIZERS.load(optimizer).hyperparameters
    return Individual((index,), {p.name: another_value(p, index) for p in parameters})


def small_task(name: str) -> TaskSpec:
    return TaskSpec(name, SMALL.get(name, {}))


def build_task(name: str, seeds: Sequence[int], dtype: torch.dtype = torch.float64, **options: Value) -> Task:
    """As many individuals as the task can have, with as many of the seeds."""
    kind = TASKS.load(name)
    return kind(generators(seeds[: kind.max_population]), dtype, {**SMALL.get(name, {}), **options})


def center_of(task: Task) -> torch.Tensor:
    """Where the minimum of the noisy quadratic is now, (P, n)."""
    return task.walk[task._position]


def copy_of(task: Task, seeds: Sequence[int]) -> Task:
    """A quadratic of the same seeds that goes on by itself from where the task is."""
    other = build_task("quadratic", seeds)
    other.load_state_dict(task.state_dict(), torch.device("cpu"))
    return other


def build_optimizer(
    name: str, x: torch.Tensor, individuals: Sequence[dict[str, float]], seeds: Sequence[int], **options: Value
) -> Optimizer:
    values = {key: x.new_tensor([i[key] for i in individuals]) for key in individuals[0]}
    return OPTIMIZERS.load(name)(x, values, generators(seeds), options)


def training_spec(optimizer: str = "momentum", task: str | TaskSpec = "quadratic", **changes: object) -> TrainingSpec:
    settings = {
        "task": TaskSpec(task) if isinstance(task, str) else task,
        "optimizer": OptimizerSpec(optimizer),
        "purpose": "final",
        "individuals": (Individual((0,), defaults(optimizer)),),
        "steps": 20,
    }
    return changed(TrainingSpec(**settings), changes)
