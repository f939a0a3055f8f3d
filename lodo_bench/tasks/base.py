"""Base class of the tasks: populations of problems of one kind, each with its own data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import torch
from torch import Generator, Tensor

from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.spec.training import Capability, LossBound
from lodo_bench.state import Checkpointable

_Batch = TypeVar("_Batch")


class Task(ABC, Checkpointable):
    """A population of P problems, one per individual, with parameters `x` of shape (P, n).

    To define a task, write a final subclass, in this package or in your own. It must set `step_milestone` and
    `default_dtype`, and implement `dimension_for`, `initial_point`, `next_batch` and `loss_and_gradient`; all else has
    a default. For example, a noisy sphere::

        @final
        class Sphere(Task):
            options_table = (Option("dimension", "n", "positive-int", 10, "number of parameters"),)
            step_milestone = 1000
            default_dtype = "float64"
            state_names = ("_generators", "_center")

            def __init__(self, generators, dtype, options):
                super().__init__(generators, dtype, options)
                self._generators = list(generators)
                self.next_batch()

            @classmethod
            def dimension_for(cls, options):
                return int(cls.with_defaults(options)["dimension"])

            def initial_point(self):
                return torch.ones(self.population, self.dimension, device=self.device, dtype=self.dtype)

            def next_batch(self):
                self._center = draw_normal(self._generators, self.initial_point())  # lodo_bench.seeding

            def loss_and_gradient(self, x):
                offset = x - 0.1 * self._center
                return 0.5 * offset.square().sum(1), offset

    Rules that the training loop relies on:

    - Individual i draws random numbers from `generators[i]` only, and its results are bit-identical for any number of
      other individuals. So equal seeds give every optimizer the same problem and the same batches.
    - Class variables such as `step_milestone` are read from the class, without building a task.
    - Every attribute that changes during training is named in `state_names`: checkpoints store these.

    Args:
        generators: random generators, one per individual; their number is P and their device is the task's device.
        dtype: precision of all tensors.
        options: validated values by full name; missing ones take their defaults.

    Attributes:
        options_table: options that the task takes.
        step_milestone: default number of steps of a final run (LODO §5), at least 1.
        default_dtype: default precision of tuning and final runs.
        is_network: True if the parameters are those of a neural network.
        max_population: largest number of individuals that can train in lockstep; None if unlimited.
        final_lr_scale: factor applied to tuned learning rates in final runs (LODO App. F.2).
        metric_interval: steps between calls of `validation_metrics` in a final run; None for no calls.
        trial_options: options with which a step is fast, to try machine code; empty if it always is.
        short_evaluation: options with which `test_metrics` is estimated in a short time; empty if it never takes long.
        on_evaluation: called with the finished batches of an evaluation and their number; None if nobody listens.
        offers: capabilities beyond gradients; `hessian` promises that `hessian` is implemented, and `matrices` that
            some of `tensors` are matrices.
        population: P.
        device: device of all tensors.
        options: all options by full name, defaults included.
        dimension: n.
    """

    options_table: ClassVar[tuple[Option, ...]] = ()
    step_milestone: ClassVar[int]
    default_dtype: ClassVar[DType]
    is_network: ClassVar[bool] = False
    max_population: ClassVar[int | None] = None
    final_lr_scale: ClassVar[float] = 1.0
    metric_interval: ClassVar[int | None] = None
    trial_options: ClassVar[Mapping[str, Value]] = MappingProxyType({})
    short_evaluation: ClassVar[Mapping[str, Value]] = MappingProxyType({})
    offers: ClassVar[frozenset[Capability]] = frozenset()
    on_evaluation: Callable[[int, int], None] | None = None

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        self.population = len(generators)
        self.device = generators[0].device
        self.dtype = dtype
        self.options = self.with_defaults(options)
        self.dimension = self.dimension_for(options)

    @classmethod
    def with_defaults(cls, options: Mapping[str, Value]) -> dict[str, Any]:
        """Return all options: the given values, and the defaults of the others."""
        return {p.name: options.get(p.name, p.default) for p in cls.options_table}

    @classmethod
    @abstractmethod
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        """Return the number of parameters n for these options."""

    @classmethod
    def numbers_for(cls, options: Mapping[str, Value], population: int) -> int:
        """Return how many numbers a population keeps in memory besides its parameters; 0 unless overridden.

        A training that cannot fit in memory is refused by it before it starts. Only what grows faster than the number
        of parameters matters.
        """
        return 0

    @classmethod
    def is_random(cls, options: Mapping[str, Value]) -> bool:
        """Return whether the problem, its start or its batches depend on the generators; True unless overridden.

        On a task without randomness, final runs of an optimizer without any are equal for all seeds, and one stands
        for all.
        """
        return True

    @classmethod
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound | None:
        """Return the lowest steady-state loss that any optimizer can attain, if it is known in closed form.

        Raises:
            UsageError: if options conflict.
        """
        return None

    @classmethod
    def solved_below(cls, options: Mapping[str, Value]) -> float | None:
        """Return the loss at which a run counts as having solved the problem; None if there is no such criterion.

        A run has solved it as soon as its smoothed training loss is at most this. Reports count these runs, with the
        median number of steps.
        """
        return None

    @classmethod
    def minimizers(cls, options: Mapping[str, Value]) -> Sequence[Sequence[float]]:
        """Return the points at which the expected loss is lowest, n coordinates each; empty if they are not known.

        Plots of trajectories mark them.
        """
        return ()

    @classmethod
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        """Check that the task can be built: that its data are present and that its options are compatible.

        Raises:
            UsageError: if it cannot be built.
        """

    @classmethod
    def dataset_name(cls) -> str:
        """Return the name of the data set in use, which results are recorded under; empty if the task needs none."""
        return ""

    @classmethod
    def data_version(cls, options: Mapping[str, Value]) -> str:
        """Return the version of a data file that an option names, as a digest; empty if there is none.

        It is part of the task's identity, so that results with different contents of a file are never mixed.

        Raises:
            UsageError: if the file cannot be read.
        """
        return ""

    @abstractmethod
    def initial_point(self) -> Tensor:
        """Return the initial parameters, (P, n), as a new tensor that is the same at every call."""

    @abstractmethod
    def next_batch(self) -> None:
        """Advance to the next batch of data or noise; called once before every step."""

    @abstractmethod
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (P,) and gradients (P, n) at `x` (P, n) on the current batch.

        Repeated calls at the same `x` return the same values. Both results are new tensors, which the caller may keep;
        `x` must not be modified.
        """

    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return metrics that are recorded every `metric_interval` steps, e.g. `validation_loss`: name -> (P,).

        The training clock is stopped meanwhile. The call must not affect later steps or metrics. One that takes long
        goes through its data with `in_batches`.
        """
        return {}

    def test_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """Return expensive metrics that are measured at milestones only, e.g. `test_loss`: name -> (P,).

        The rules of `validation_metrics` apply.
        """
        return {}

    def in_batches(self, batches: Sequence[_Batch]) -> Iterator[_Batch]:
        """Yield the batches of an evaluation, and report how many are done, so that the user sees how long it takes."""
        for done, batch in enumerate(batches):
            self._report_evaluation(done, len(batches))
            yield batch
        self._report_evaluation(len(batches), len(batches))

    def _report_evaluation(self, done: int, total: int) -> None:
        if self.on_evaluation is not None:
            self.on_evaluation(done, total)

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessians (P, n, n) at `x` (P, n) on the current batch; only called if `offers` has `hessian`."""
        raise NotImplementedError

    @property
    def tensors(self) -> Sequence[TensorSpec]:
        """The tensors that the parameter vector consists of, in order."""
        return (TensorSpec("x", (self.dimension,)),)

    @property
    def layers(self) -> Sequence[slice]:
        """Slices of the parameter vector that form a layer each, e.g. a module's weight and bias."""
        return (slice(0, self.dimension),)
