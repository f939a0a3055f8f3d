"""Populations and training specs for tests."""

from collections.abc import Sequence
from pathlib import Path

import torch

from lodo_bench.conformance import cases
from lodo_bench.conformance.cases import TaskOracle as TaskOracle
from lodo_bench.conformance.cases import default_values, varied_values
from lodo_bench.conformance.cases import generators as generators
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.spec.options import Value
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task
from tests.compute_specs import changed

ASSETS = Path(__file__).parent / "tasks" / "assets"
# The tasks whose individuals may run in lockstep.
LOCKSTEP = tuple(name for name in TASKS.names if TASKS.load(name).max_population is None)
# Tasks on which every optimizer is tried: with noise and without, networks with and without statistics of batches. The
# others would show nothing more of an optimizer; what they do themselves is checked for each.
TYPICAL = ("quadratic", "rosenbrock", "mnist", "cifar10")
LOCKSTEP_PAIRS = [(optimizer, task) for optimizer in OPTIMIZERS.names for task in TYPICAL if task in LOCKSTEP]
# For the other tasks, options that make them as small as they come.
SMALL: dict[str, dict[str, Value]] = {
    "mnist": {"batch_size": 2, "test_samples": 3},
    "cifar10": {"batch_size": 3, "width": 1},
    "logistic-regression": {"data": str(ASSETS / "three-classes.csv")},
    "mlp": {"width": 4, "batch_size": 4},
    "mnist-classifier": {"width": 2, "batch_size": 4},
    "char-transformer": {"width": 8, "depth": 1, "heads": 2, "context": 6, "batch_size": 2},
}


def defaults(optimizer: str) -> dict[str, float]:
    return default_values(OPTIMIZERS.load(optimizer))


def varied_individual(optimizer: str, index: int) -> Individual:
    return Individual((index,), varied_values(OPTIMIZERS.load(optimizer), index))


def small_task(name: str) -> TaskSpec:
    return TaskSpec(name, SMALL.get(name, {}))


def small_case(name: str, **options: Value) -> cases.TaskCase:
    return cases.TaskCase(TASKS.load(name), {**SMALL.get(name, {}), **options})


def build_task(name: str, seeds: Sequence[int], dtype: torch.dtype = torch.float64, **options: Value) -> Task:
    """As many individuals as the task can have, with as many of the seeds."""
    case = small_case(name, **options)
    return case.build(seeds[: case.kind.max_population], dtype)


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
    return cases.build_optimizer(OPTIMIZERS.load(name), x, individuals, seeds, options)


def training_spec(optimizer: str = "momentum", task: str | TaskSpec = "quadratic", **changes: object) -> TrainingSpec:
    settings = {
        "task": TaskSpec(task) if isinstance(task, str) else task,
        "optimizer": OptimizerSpec(optimizer),
        "purpose": "final",
        "individuals": (Individual((0,), defaults(optimizer)),),
        "steps": 20,
    }
    return changed(TrainingSpec(**settings), changes)
