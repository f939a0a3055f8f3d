"""The tasks, individuals and starting objects of the checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from lodo_bench.optimizers.base import Optimizer
from lodo_bench.spec.options import HyperparameterSpec, Value, format_value
from lodo_bench.spec.tensors import Problem, TensorSpec
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.tasks.rosenbrock import Rosenbrock

SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class TaskCase:
    """A task class with its options: one that is checked, or one that optimizers are checked on.

    Attributes:
        kind: the class.
        options: validated values by full name; missing ones take their defaults.
        tensors: the tensors that optimizers are told `x` consists of; the task's own if None.
    """

    kind: type[Task]
    options: Mapping[str, Value] = field(default_factory=dict)
    tensors: tuple[TensorSpec, ...] | None = None

    @property
    def label(self) -> str:
        """`Quadratic (dimension=5)`."""
        options = ", ".join(f"{name}={format_value(value)}" for name, value in self.options.items())
        return f"{self.kind.__name__} ({options})" if options else self.kind.__name__

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of three individuals, or of as many as can train in lockstep."""
        return SEEDS[: self.kind.max_population]

    def build(self, seeds: Iterable[int], dtype: torch.dtype = torch.float64) -> Task:
        """Build the task on the CPU, with one individual for each seed."""
        return self.kind(generators(seeds), dtype, self.options)

    def problem(self, task: Task, steps: int) -> Problem:
        """Return what an optimizer is told of `task`, which is of this case, and of a training of `steps` steps."""
        return Problem(self.tensors or task.tensors, steps)


class TaskOracle:
    """The oracle of a task on its current batch.

    Attributes:
        asked: the number of evaluations that were asked for.
        loss: (P,), the losses that belong to the gradient given to the step; those at the initial point at first.
        progress: 0.
    """

    progress = 0.0

    def __init__(self, task: Task) -> None:
        self.task, self.layers, self.asked = task, task.layers, 0
        self.loss = task.loss_and_gradient(task.initial_point())[0]

    def next_gradient(self, x: Tensor) -> Tensor:
        """Advance to the next batch, and return the gradient (P, n) at `x` (P, n) to give to a step; not counted."""
        self.task.next_batch()
        self.loss, gradient = self.task.loss_and_gradient(x)
        return gradient

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient (P, n) at `x` (P, n)."""
        return self.loss_and_gradient(x)[1]

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses (P,) and the gradient (P, n) at `x` (P, n)."""
        self.asked += 1
        return self.task.loss_and_gradient(x)

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessians (P, n, n) at `x` (P, n)."""
        return self.task.hessian(x)


def cases_for(kind: type[Optimizer]) -> tuple[TaskCase, ...]:
    """Return small tasks that offer what an optimizer needs."""
    if "matrices" in kind.needs:
        return (TaskCase(Quadratic, {"dimension": 6}, (TensorSpec("x", (2, 3), "matrix"),)),)
    return TaskCase(Quadratic, {"dimension": 5}), TaskCase(Rosenbrock)


def seeds_for(kind: type[Optimizer]) -> tuple[int, ...]:
    """Return the seeds of three individuals, or of as many as an optimizer can train in lockstep."""
    return SEEDS[: kind.max_population]


def generators(seeds: Iterable[int]) -> list[Generator]:
    """Return a random generator on the CPU for each seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def default_values(kind: type[Optimizer]) -> dict[str, float]:
    """Return the default hyperparameters by name."""
    return {p.name: p.initial for p in kind.hyperparameters}


def varied_values(kind: type[Optimizer], index: int) -> dict[str, float]:
    """Return hyperparameters by name that are near the defaults and differ for each index (>= 0)."""
    return {p.name: vary(p, index) for p in kind.hyperparameters}


def vary(parameter: HyperparameterSpec, index: int) -> float:
    """Return a valid value of a hyperparameter, the default for index 0 and another one for each index above."""
    if parameter.kind == "rate":
        return parameter.initial * (1 + 0.3 * index)
    if parameter.kind == "decay":
        return parameter.initial ** (1 + 0.3 * index) if parameter.initial else index / (index + 10)
    return parameter.initial


def build_optimizer(
    kind: type[Optimizer],
    x: Tensor,
    individuals: Sequence[Mapping[str, float]],
    seeds: Iterable[int],
    options: Mapping[str, Value] | None = None,
    problem: Problem | None = None,
) -> Optimizer:
    """Build an optimizer that moves `x` (P, n), with the hyperparameters and the seed of each individual."""
    dtype = kind.hyperparameter_dtype or x.dtype
    columns = {name: [individual[name] for individual in individuals] for name in individuals[0]}
    values = {name: x.new_tensor(column, dtype=dtype) for name, column in columns.items()}
    return kind(x, values, generators(seeds), options or {}, problem)


def build_on(kind: type[Optimizer], case: TaskCase, task: Task, steps: int) -> Optimizer:
    """Build an optimizer at the initial point of `task`, which is of this case, with varied hyperparameters."""
    individuals = [varied_values(kind, index) for index in range(task.population)]
    seeds = SEEDS[: task.population]
    return build_optimizer(kind, task.initial_point(), individuals, seeds, problem=case.problem(task, steps))
