"""What every learned preconditioner of the LODO family is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.optimizers.lodo.meta import MetaOptimizer
from lodo_bench.state import Checkpointable


@dataclass(frozen=True, eq=False)
class Descent:
    """What a learned preconditioner serves: a population that moves along averaged gradients, and the rates of both.

    The tensors change in place only.

    Attributes:
        x: (P, n), the parameters.
        average: (P, n), the averaged gradient m.
        renewal: 1 − β, (P, 1), or one number for all.
        scale: α₀, (P, 1), or one number for all.
        meta_rate: (P,), the rate of the meta-optimizer.
    """

    x: Tensor
    average: Tensor
    renewal: Tensor
    scale: Tensor
    meta_rate: Tensor


class Preconditioner(ABC, Checkpointable):
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

    def learn(self, gradient: Tensor, descent: Descent, meta: MetaOptimizer) -> None:
        """Let the meta-optimizer take one step down the hypergradient.

        Args:
            gradient: (P, n), at the point that the last move led to.
            descent: what moved.
            meta: the meta-optimizer of `weights`.
        """
        hypergradient = self.weight_gradient(gradient * -descent.scale)
        meta.descend(self.weights, hypergradient, self.spread(descent.meta_rate))

    def move(self, gradient: Tensor, descent: Descent) -> None:
        """Let the gradient (P, n) enter the average, and x move along S times the average, both in place."""
        descent.average.lerp_(gradient, descent.renewal)
        descent.x.addcmul_(self.apply(descent.average), descent.scale, value=-1)

    def step(self, gradient: Tensor, descent: Descent, meta: MetaOptimizer) -> None:
        """Learn, then move."""
        self.learn(gradient, descent, meta)
        self.move(gradient, descent)

    def is_compiled_with(self, meta: MetaOptimizer) -> bool:
        """Whether there is `compiled_steps` with this meta-optimizer."""
        return False

    def compiled_steps(self, count: int, descent: Descent, meta: MetaOptimizer) -> CompiledStep:
        """See `Optimizer.compiled_steps`."""
        raise NotImplementedError

    @abstractmethod
    def spread(self, values: Tensor) -> Tensor:
        """One number for each individual, (P,), laid out to multiply the weights with."""
