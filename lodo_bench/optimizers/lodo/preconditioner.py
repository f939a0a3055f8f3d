"""What every learned preconditioner of the LODO family is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from lodo_bench.optimizers.lodo.meta import MetaOptimizer
from lodo_bench.state import Stateful


class Preconditioner(ABC, Stateful):
    """A matrix S(θ) for each of P individuals that can be applied to vectors and told how θ should change.

    Attributes:
        weights: θ of all individuals in one tensor; changed in place by who learns them.
    """

    weights: Tensor
    # What is remembered of the last u is not part of the state: applying to that u again brings it back.
    state_names: ClassVar[tuple[str, ...]] = ("weights",)

    @abstractmethod
    def apply(self, vector: Tensor) -> Tensor:
        """S times each individual's vector u, (P, n) -> (P, n). The last u is remembered for `weight_gradient`."""

    @abstractmethod
    def weight_gradient(self, vector: Tensor) -> Tensor:
        """Gradient of Σ_p v_p · (S u_p) with respect to θ, for v (P, n) and the last u that was applied (first 0).

        Returns:
            Shaped as `weights`; overwritten by the next call.
        """

    @abstractmethod
    def product(self, vector: Tensor) -> Tensor:
        """S times each individual's vector, as `apply`, but not remembered."""

    def learn(self, vector: Tensor, meta: MetaOptimizer, learning_rate: Tensor) -> None:
        """Let the meta-optimizer take one step down `weight_gradient` of `vector`, at each individual's rate, (P,)."""
        meta.descend(self.weights, self.weight_gradient(vector), self.spread(learning_rate))

    @abstractmethod
    def spread(self, values: Tensor) -> Tensor:
        """One number for each individual, (P,), laid out to multiply the weights with."""
