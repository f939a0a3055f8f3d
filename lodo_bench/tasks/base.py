"""What every task is: a population of problems of the same kind, each with its own data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor

from lodo_bench.spec import Bound, DType, Parameter


class Task(ABC):
    """P problems side by side, one for each individual of a population, with parameters of shape (P, n).

    A subclass is final. It states as class variables what other rooms need to know without building it.

    Args:
        generators: one for each individual; their number is P. Their device is the task's.
        dtype: the precision of all tensors.
        options: checked values by full name; those missing take their defaults.

    Attributes:
        options_table: the options it takes.
        step_milestone: how many steps a final run has unless told otherwise (LODO §5).
        default_dtype: the precision of final runs and tuning unless told otherwise.
        max_population: how many individuals may run in lockstep; None for any number.
        dimension: n.
    """

    options_table: ClassVar[tuple[Parameter, ...]] = ()
    step_milestone: ClassVar[int]
    default_dtype: ClassVar[DType]
    max_population: ClassVar[int | None] = None
    dimension: int

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, float]) -> None:
        self.population = len(generators)
        self.device = generators[0].device
        self.dtype = dtype
        self.options = self.filled(options)

    @classmethod
    def filled(cls, options: Mapping[str, float]) -> dict[str, float]:
        """All options: those given, and the defaults of the others."""
        return {p.name: options.get(p.name, p.default) for p in cls.options_table}

    @classmethod
    def bound(cls, options: Mapping[str, float]) -> Bound | None:
        """The best steady loss possible, where there is a closed form."""
        return None

    @abstractmethod
    def initial_point(self) -> Tensor:
        """The starting parameters, (P, n), a new tensor."""

    @abstractmethod
    def next_batch(self) -> None:
        """Move on to fresh data or noise."""

    @abstractmethod
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (P,) and gradients (P, n) at `x` (P, n) on the current batch; the same again if called again."""
