"""Specifications of trainings: task, optimizer, individuals and duration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.numbers import SECONDS, STEPS, check_fields
from lodo_bench.spec.options import Value, format_value

Capability = Literal["hessian", "matrices"]
Purpose = Literal["tuning", "final"]
SearchKind = Literal["genetic", "meta-training"]


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    options: Mapping[str, Value] = field(default_factory=dict)
    version: str = ""

    @property
    def label(self) -> str:
        """`quadratic`, or `quadratic (noise_variance=4)`."""
        options = ", ".join(f"{name}={format_value(value)}" for name, value in self._labeled.items())
        return f"{self.name} ({options})" if options else self.name

    @property
    def _labeled(self) -> Mapping[str, Value]:
        return self.options


@dataclass(frozen=True, slots=True)
class TaskSpec(_Named):
    """A task by name, with the options that differ from the paper's values.

    Attributes:
        name: as in `lodo_bench.registry.Registry`.
        options: by full name.
        version: of the code: a package and its version, or a file's digest; empty for the tasks of this package.
    """

    @property
    def key(self) -> tuple[object, ...]:
        """The name and the options, which all versions of a task have in common: results on them are compared."""
        return self.name, *sorted(self.options.items())


@dataclass(frozen=True, slots=True)
class OptimizerSpec(_Named):
    """An optimizer by name, with the structural options that differ from the paper's.

    Attributes:
        name: as in `lodo_bench.registry.Registry`.
        options: by full name.
        version: of the code: a package and its version, or a file's digest; empty for the optimizers of this package.
        space: the search space of an adapted optimizer, as JSON; empty for others.
        recipe: the training recipe around the update, by full name; empty for the plain update.
    """

    space: str = ""
    recipe: Mapping[str, Value] = field(default_factory=dict)

    @property
    def _labeled(self) -> Mapping[str, Value]:
        return {**self.options, **self.recipe}


@dataclass(frozen=True, slots=True)
class LossBound:
    """The lowest steady loss possible on a task, and the name of the method that attains it."""

    name: str
    loss: float


@dataclass(frozen=True, slots=True)
class Individual:
    """A member of a population.

    Attributes:
        key: `(seed,)` for a final run and `(study seed, generation, index)` during tuning; all seeds derive from it
            and from the purpose.
        hyperparameters: natural values by full name.
    """

    key: tuple[int, ...]
    hyperparameters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Tuned:
    """The result of a search: everything that final runs take from it.

    Attributes:
        values: the hyperparameters by name; empty for an optimizer that has none.
        weights: the weights of a meta-trained optimizer, little-endian float64; empty for all others.
    """

    values: Mapping[str, float]
    weights: bytes = b""


@dataclass(frozen=True, slots=True)
class MetaTrainingState:
    """The state of a meta-training after an epoch.

    Attributes:
        weights: the best weights so far, little-endian float64.
        state_dict: the latest weights, the best loss and Adam's moments, as NumPy's `.npz`, to resume from.
    """

    weights: bytes
    state_dict: bytes


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """The training of a population on one task with one optimizer, in lockstep.

    Args:
        task: the task.
        optimizer: the optimizer.
        purpose: `tuning` or `final`; the two never share seeds.
        individuals: the population, P of them.
        steps: the step milestone: train at least this many steps (>= 1).
        seconds: the time milestone: also train at least this many seconds on the training clock (> 0); None for none.
        compute: device, dtype and backend.
        weights: the weights of a meta-trained optimizer, little-endian float64; empty for fresh ones.

    Raises:
        UsageError: for a number out of range.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    purpose: Purpose
    individuals: tuple[Individual, ...]
    steps: int
    seconds: float | None = None
    compute: ComputeSpec = ComputeSpec()  # noqa: RUF009 (it is frozen)
    weights: bytes = b""

    def __post_init__(self) -> None:
        check_fields(self, steps=STEPS, seconds=SECONDS)
