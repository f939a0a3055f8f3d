"""What every task is: a population of problems of the same kind, each with its own data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.training import Capability, LossBound
from lodo_bench.state import Checkpointable


class Task(ABC, Checkpointable):
    """P problems side by side, one for each individual of a population, with parameters of shape (P, n).

    A subclass is final. It states as class variables what other rooms need to know without building it, and names in
    `state_names` what of it changes during a training, such as its generators.

    Args:
        generators: one for each individual; their number is P. Their device is the task's.
        dtype: the precision of all tensors.
        options: checked values by full name; those missing take their defaults.

    Attributes:
        options_table: the options it takes.
        step_milestone: how many steps a final run has unless told otherwise (LODO §5).
        default_dtype: the precision of final runs and tuning unless told otherwise.
        is_network: whether its parameters are those of a neural network.
        max_population: the largest number of individuals in lockstep; None for any number.
        final_rate_scale: what a tuned learning rate is multiplied with for final runs (LODO App. F.2).
        metric_interval: `evaluate` is called after every so many steps of a final run; None for never.
        offers: what it can tell beyond gradients.
        dimension: n.
        is_compiled: whether there is `compiled_batches` on this device, with the kernel that was asked for.
    """

    options_table: ClassVar[tuple[Option, ...]] = ()
    step_milestone: ClassVar[int]
    default_dtype: ClassVar[DType]
    is_network: ClassVar[bool] = False
    max_population: ClassVar[int | None] = None
    final_lr_scale: ClassVar[float] = 1.0
    metric_interval: ClassVar[int | None] = None
    offers: ClassVar[frozenset[Capability]] = frozenset()
    is_compiled = False

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        self.population = len(generators)
        self.device = generators[0].device
        self.dtype = dtype
        self.options = self.with_defaults(options)
        self.dimension = self.dimension_for(options)

    @classmethod
    def with_defaults(cls, options: Mapping[str, Value]) -> dict[str, Any]:
        """All options: those given, and the defaults of the others."""
        return {p.name: options.get(p.name, p.default) for p in cls.options_table}

    @classmethod
    @abstractmethod
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        """n, with these options."""

    @classmethod
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound | None:
        """The best steady loss possible, where there is a closed form."""
        return None

    @classmethod
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        """Make sure that it can be built: that its data is there, and that the options fit each other.

        Raises:
            UsageError: if it cannot.
        """

    @classmethod
    def dataset_name(cls) -> str:
        """The data set that there is for it, to record results under; empty if it needs none."""
        return ""

    @abstractmethod
    def initial_point(self) -> Tensor:
        """The starting parameters, (P, n), a new tensor."""

    @abstractmethod
    def next_batch(self) -> None:
        """Move on to fresh data or noise."""

    @abstractmethod
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (P,) and gradients (P, n) at `x` (P, n) on the current batch; the same again if called again.

        The losses are a tensor of their own each time, as the caller keeps them.
        """

    def compiled_batches(self, limit: int) -> tuple[CompiledStep, int]:
        """Move on by several batches at once, 1 to `limit`, and leave it to compiled code to evaluate on them.

        Returns:
            The code, to be run before anything else is asked of the task, and their number.
        """
        raise NotImplementedError

    def validation_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """What is followed during a run besides the training loss, e.g. `validation_loss`, by name, each (P,).

        Called off the training clock. It changes nothing that a later step or evaluation depends on.
        """
        return {}

    def test_metrics(self, x: Tensor) -> Mapping[str, Tensor]:
        """What is measured besides at a milestone, as it takes long, e.g. `test_loss`; otherwise as `evaluate`."""
        return {}

    def hessian(self, x: Tensor) -> Tensor:
        """The Hessians (P, n, n) at `x` (P, n) on the current batch, if `offers` says that it can tell."""
        raise NotImplementedError

    @property
    def layers(self) -> Sequence[slice]:
        """The slices of a parameter vector that belong together, e.g. a module's weight and bias."""
        return (slice(0, self.dimension),)
