"""The values that cross between rooms: what to train, for how long, and what came out.

Everything here is a plain frozen dataclass of Python and NumPy values, so that it can be pickled to a worker on
another machine, written to a database, and compared in a test. No tensors, no database rows, no Ray objects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lodo_bench.errors import UnknownNameError, UsageError

Kind = Literal["rate", "decay", "variance", "count", "whole", "choice"]
Capability = Literal["hessian"]
Purpose = Literal["tuning", "final"]
Device = Literal["cpu", "cuda"]
DType = Literal["float32", "float64"]
Kernel = Literal["auto", "torch", "numba", "triton"]
Value = float | str

_RULES: Mapping[Kind, str] = {
    "rate": "a finite number greater than 0",
    "decay": "a number from 0 (included) to 1 (excluded)",
    "variance": "a finite number, 0 or greater",
    "count": "a whole number, 1 or greater",
    "whole": "a whole number, 0 or greater",
    "choice": "one of {choices}",
}


class Status(StrEnum):
    """How the training of one individual ended. Stored as it is, never padded or hidden."""

    COMPLETED = "completed"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that an optimizer or a task takes: a hyperparameter or an option.

    Args:
        name: the field's term, e.g. `learning_rate`.
        short: the short form, accepted wherever the name is, e.g. `lr`.
        kind: what values it may have, and on which scale it is searched: `rate` (> 0, searched on a log scale),
            `decay` (in [0, 1), searched on a logit scale), `variance` (>= 0), `count` (1, 2, ...), `whole` (0, 1, ...)
            or `choice` (a word).
        default: the value used when none is given; for a tuned hyperparameter also the start of the search.
        description: one line for people.
        choices: the words of a `choice`.
        is_learning_rate: whether it scales the steps, see `Task.final_rate_scale`.
    """

    name: str
    short: str
    kind: Kind
    default: Value
    description: str
    choices: tuple[str, ...] = ()
    is_learning_rate: bool = False

    def checked(self, value: Value, owner: str) -> Value:
        """Return `value` as what it must be: a number, also if it comes as a text, an int for a `count`, or a word.

        Raises:
            UsageError: if the value breaks the rule of this parameter's kind.
        """
        found = self._read(value)
        if found is None:
            rule = _RULES[self.kind].format(choices=" or ".join(self.choices))
            raise UsageError(
                f"{self.name} = {shown(value)} is not possible for {owner}: it must be {rule} "
                f"(default {shown(self.default)})."
            )
        return found

    @property
    def start(self) -> float:
        """The default of a number; where a search starts."""
        return float(self.default)

    def _read(self, value: Value) -> Value | None:
        if self.kind == "choice":
            return value if value in self.choices else None
        try:
            number = float(value)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        if self.kind in ("count", "whole"):
            return int(number) if number >= (self.kind == "count") and number == int(number) else None
        return number if {"rate": number > 0, "decay": 0 <= number < 1, "variance": number >= 0}[self.kind] else None


def shown(value: Value) -> str:
    """A value as people write it."""
    return value if isinstance(value, str) else f"{value:g}"


def resolve(
    parameters: Iterable[Parameter], given: Mapping[str, Value], owner: str, what: str = "parameter"
) -> dict[str, Value]:
    """Translate short names to full names and check every given value.

    Returns:
        The given values under their full names, in the order of `parameters`. Defaults are not filled in.

    Raises:
        UnknownNameError: for a name that no parameter has.
        UsageError: for a value out of range, or a parameter given under both of its names.
    """
    table = list(parameters)
    by_name = {name: p for p in table for name in (p.name, p.short)}
    found: dict[str, Value] = {}
    for name, value in given.items():
        if name not in by_name:
            raise UnknownNameError(what, name, (p.name for p in table), of=owner)
        parameter = by_name[name]
        if parameter.name in found:
            raise UsageError(f"{parameter.name} of {owner} is given twice. Give it once.")
        found[parameter.name] = parameter.checked(value, owner)
    return {p.name: found[p.name] for p in table if p.name in found}


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    options: Mapping[str, Value] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """`quadratic`, or `quadratic (noise_variance=4)`."""
        options = ", ".join(f"{name}={shown(value)}" for name, value in self.options.items())
        return f"{self.name} ({options})" if options else self.name


@dataclass(frozen=True, slots=True)
class TaskSpec(_Named):
    """A task by name, with the options that differ from the paper's values."""


@dataclass(frozen=True, slots=True)
class OptimizerSpec(_Named):
    """An optimizer by name, with the structural options that differ from the paper's."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A loss that no optimizer can beat on a task in the long run, and what attains it."""

    name: str
    loss: float


@dataclass(frozen=True, slots=True)
class Individual:
    """One member of a population: its hyperparameters and the key that its seeds are derived from.

    `key` is `(seed,)` for a final run and `(study seed, generation, index)` during tuning; with the purpose it is
    all that an individual's result depends on beside the hyperparameters.
    """

    key: tuple[int, ...]
    hyperparameters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a meta-trained optimizer has learned so far.

    Attributes:
        weights: the best so far, little-endian float64 numbers.
        state: what is needed to go on learning, in the form of NumPy's `.npz`.
    """

    weights: bytes
    state: bytes


@dataclass(frozen=True, slots=True)
class Milestone:
    """A point of a run at which it is scored: after so many `steps` or `seconds` of training (LODO §5)."""

    unit: Literal["steps", "seconds"]
    value: float

    @property
    def key(self) -> str:
        """`steps:200` or `seconds:300`."""
        return f"{self.unit}:{self.value:.15g}"


def milestones(steps: int, seconds: float | None) -> tuple[Milestone, ...]:
    """The milestones of a training of at least so many steps and seconds."""
    by_time = () if seconds is None else (Milestone("seconds", seconds),)
    return Milestone("steps", steps), *by_time


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """What to train: a population on one task with one optimizer, in lockstep.

    Args:
        task: the task.
        optimizer: the optimizer.
        purpose: `tuning` or `final`; the two never share seeds.
        individuals: the population, P of them.
        steps: train at least this many steps (>= 1).
        seconds: train at least this long on the training clock, too; None for no time milestone.
        device: where the tensors live.
        dtype: the precision of everything.
        kernel: what does the heavy arithmetic, see `lodo_bench.kernels`.
        learned: the weights of a meta-trained optimizer; empty for one that has learned nothing.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    purpose: Purpose
    individuals: tuple[Individual, ...]
    steps: int
    seconds: float | None = None
    device: Device = "cpu"
    dtype: DType = "float64"
    kernel: Kernel = "auto"
    learned: bytes = b""


@dataclass(frozen=True, slots=True)
class MetaTrainingSpec:
    """One epoch of the meta-training of an optimizer (see `lodo_bench.meta_training`).

    Args:
        task: the kind of problems that it is trained on.
        optimizer: the optimizer.
        individuals: one, without hyperparameters; its key, `(study seed, epoch, 0)`, is what the epoch's problems
            depend on.
        steps: training steps in the epoch.
        before: what the epochs before have learned; None for the first.
        device, dtype, kernel: as in `TrainingSpec`.
    """

    task: TaskSpec
    optimizer: OptimizerSpec
    individuals: tuple[Individual, ...]
    steps: int
    before: Learned | None
    device: Device = "cpu"
    dtype: DType = "float64"
    kernel: Kernel = "auto"


@dataclass(frozen=True, slots=True)
class Series:
    """A metric's course.

    Attributes:
        steps: (K,), after how many steps it was measured.
        values: (K,), what it was.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """The whole course of one individual: every step's loss, and when the steps were taken.

    Attributes:
        losses: (T,), the training loss of each step, on the batch of that step, before the update.
        clock_steps: (M,), increasing step counts at which the training clock was read, starting with 0.
        clock_seconds: (M,), the training seconds at those counts.
        metrics: what else was measured, off the clock, by name.
    """

    losses: NDArray[np.float64]
    clock_steps: NDArray[np.int64]
    clock_seconds: NDArray[np.float64]
    metrics: Mapping[str, Series] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Training time in seconds."""
        return float(self.clock_seconds[-1])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of training one individual.

    Attributes:
        status: how it ended.
        reason: why, where the status needs a reason; else empty.
        steps: gradient evaluations on fresh batches.
        evaluations: all gradient evaluations, those on the same batch included.
        curve: losses and clock.
        scores: what else was measured at each milestone that was reached, by its key and name.
    """

    status: Status
    reason: str
    steps: int
    evaluations: int
    curve: Curve
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
