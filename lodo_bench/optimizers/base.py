"""What every optimizer is: a rule that moves a population of flat vectors, given their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from torch import Generator, Tensor

from lodo_bench.spec import Parameter


class Oracle(Protocol):
    """What an optimizer may ask about the current batch, beyond the gradient that it is handed."""

    def gradient(self, x: Tensor) -> Tensor:
        """The gradient (P, n) at another point `x` (P, n) on the same batch. Counted as one more evaluation."""
        ...


class Optimizer(ABC):
    """An optimizer over a population of P flat vectors of length n, all advancing in lockstep.

    A subclass is final: it lists its hyperparameters, keeps its state as tensors with a leading P, and implements
    `step`. Individuals never influence each other.

    Args:
        x: (P, n), the parameters; `step` updates them in place.
        hyperparameters: full name -> (P,), one value for each individual, already checked.
        generators: one for each individual, for the optimizer's own randomness.
    """

    hyperparameters: ClassVar[tuple[Parameter, ...]]

    def __init__(self, x: Tensor, hyperparameters: Mapping[str, Tensor], generators: Sequence[Generator]) -> None:
        self.x = x
        self._hyperparameters = hyperparameters

    def column(self, name: str) -> Tensor:
        """A hyperparameter as (P, 1), to multiply (P, n) with."""
        return self._hyperparameters[name].unsqueeze(1)

    @abstractmethod
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place.

        Args:
            gradient: (P, n), at `x`, on a fresh batch. Not modified.
            oracle: more about the same batch, for those that need it.
        """
