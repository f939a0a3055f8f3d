"""The interface of a learned preconditioner, and the tensors that a step of LODO reads and changes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.state import Checkpointable


@dataclass(frozen=True, eq=False)
class StepState:
    """The tensors of a step of LODO other than the preconditioner's; they change in place only.

    Attributes:
        x: (P, n), the parameters.
        momentum: m, (P, n), the exponential moving average of the gradients.
        ema_weight: 1 − β, the weight of a new gradient in it, (P, 1), or one number for all.
        initial_lr: α₀, (P, 1), or one number for all.
        meta_lr: α, (P,), the learning rate of the meta-optimizer.
    """

    x: Tensor
    momentum: Tensor
    ema_weight: Tensor
    initial_lr: Tensor
    meta_lr: Tensor


class Preconditioner(ABC, Checkpointable):
    """A matrix S(θ) for each of P individuals, given by its products with vectors and their derivatives.

    Attributes:
        weights: θ of all individuals in one tensor, which changes in place only.
    """

    weights: Tensor
    # What `forward` stores for `vjp` is not part of the state: another `forward` of the same vector restores it.
    state_names: ClassVar[tuple[str, ...]] = ("weights",)

    @abstractmethod
    def forward(self, vector: Tensor) -> Tensor:
        """Return S u for each individual's vector u, (P, n) -> (P, n), and store what `vjp` needs of it."""

    @abstractmethod
    def matvec(self, vector: Tensor) -> Tensor:
        """Return S v for each individual's vector v, (P, n) -> (P, n), as `forward`, but store nothing."""

    @abstractmethod
    def vjp(self, vector: Tensor) -> Tensor:
        """Return the gradient of Σ_p v_p · (S u_p) with respect to θ, for v (P, n) and the last u of `forward`.

        Before the first `forward`, u = 0.

        Returns:
            Shaped as `weights`; overwritten by the next call.
        """

    @abstractmethod
    def broadcast(self, values: Tensor) -> Tensor:
        """Return one number per individual, (P,), in a shape that broadcasts to the weights."""


class FusedSteps(ABC):
    """The two halves of a step of LODO with Adam as the meta-optimizer, each in fewer passes through memory.

    The formulas are those of `lodo_bench.optimizers.lodo.lodo.ReferenceStepper`.
    """

    @abstractmethod
    def update_weights(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        """Update θ with the gradient (P, n) at the current `x`."""

    @abstractmethod
    def update_parameters(self, gradient: Tensor, state: StepState) -> None:
        """Update the momentum with the gradient (P, n), and move `x`."""

    @abstractmethod
    def step(self, gradient: Tensor, state: StepState, moments: AdamMoments) -> None:
        """Do both."""
