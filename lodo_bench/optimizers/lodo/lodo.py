"""LODO, a quasi-Newton method whose preconditioner is learned during optimization (LODO §3, Algorithm 1)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.compute.selection import implementation
from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.base import Oracle, Preconditioned
from lodo_bench.optimizers.lodo.block_network import TorchBlockPreconditioner, draw_network
from lodo_bench.optimizers.lodo.preconditioner import FusedSteps, Preconditioner, StepState
from lodo_bench.optimizers.lodo.simple_preconditioners import IdentityPreconditioner
from lodo_bench.spec.options import HyperparameterSpec, Option
from lodo_bench.state import Checkpointable

META_LEARNING_RATE = HyperparameterSpec(
    "meta_learning_rate", "meta_lr", "rate", 0.001, "step size α of the preconditioner's own optimizer"
)
MOMENTUM = HyperparameterSpec("momentum", "beta", "decay", 0.9, "decay β of the averaged gradient")
INITIAL_LEARNING_RATE = HyperparameterSpec(
    "initial_learning_rate",
    "lr",
    "rate",
    1.0,
    "α₀; at the start the preconditioner is α₀ I",
    is_learning_rate=True,
)
LAYERS = Option("layers", "N", "nonnegative-int", 16, "layers N of the network G̃; with none, LODO is momentum")
BLOCK_SIZE = Option("block_size", "k", "positive-int", 4, "size k of the blocks")
HIDDEN_DIM = Option(
    "hidden_dim",
    "hidden",
    "nonnegative-int",
    0,
    "ñ, a multiple of k and at least n; 0 for the smallest that is at least 2n",
)


class MetaOptimizer(Protocol):
    """The optimizer of the weights of a preconditioner."""

    def update(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move `parameters` by one step, in place, with `learning_rate`, which broadcasts to them."""
        ...


@final
class GradientDescent(Checkpointable):
    """Plain gradient descent as the meta-optimizer: θ <- θ − α h."""

    def update(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move `parameters` by one step, in place."""
        parameters.addcmul_(gradient, learning_rate, value=-1)


class Stepper(ABC):
    """A preconditioner and a meta-optimizer, composed to the two halves of a step.

    Attributes:
        preconditioner: S.
        meta_optimizer: the optimizer of its weights.
        state: the other tensors of a step.
    """

    preconditioner: Preconditioner
    meta_optimizer: MetaOptimizer
    state: StepState

    @abstractmethod
    def update_preconditioner(self, gradient: Tensor) -> None:
        """Update θ with the gradient (P, n) at the `x` that the last step led to."""

    @abstractmethod
    def update_parameters(self, gradient: Tensor) -> None:
        """Update the momentum with the gradient (P, n), and move `x`."""

    @abstractmethod
    def step(self, gradient: Tensor) -> None:
        """Do both."""


@final
class ReferenceStepper(Stepper):
    """A step of LODO in PyTorch, for any preconditioner and any meta-optimizer."""

    def __init__(self, preconditioner: Preconditioner, meta_optimizer: MetaOptimizer, state: StepState) -> None:
        self.preconditioner, self.meta_optimizer, self.state = preconditioner, meta_optimizer, state

    @override
    def update_preconditioner(self, gradient: Tensor) -> None:
        hypergradient = self.preconditioner.vjp(gradient * -self.state.initial_lr)
        meta_lr = self.preconditioner.broadcast(self.state.meta_lr)
        self.meta_optimizer.update(self.preconditioner.weights, hypergradient, meta_lr)

    @override
    def update_parameters(self, gradient: Tensor) -> None:
        self.state.momentum.lerp_(gradient, self.state.ema_weight)
        direction = self.preconditioner.forward(self.state.momentum)
        self.state.x.addcmul_(direction, self.state.initial_lr, value=-1)

    @override
    def step(self, gradient: Tensor) -> None:
        self.update_preconditioner(gradient)
        self.update_parameters(gradient)


@final
class FusedStepper(Stepper):
    """A step of LODO with Adam as the meta-optimizer, in the fused operations of a backend."""

    def __init__(
        self, preconditioner: Preconditioner, fused: FusedSteps, moments: AdamMoments, state: StepState
    ) -> None:
        self.preconditioner, self.meta_optimizer, self.state = preconditioner, moments, state
        self._fused, self._moments = fused, moments

    @override
    def update_preconditioner(self, gradient: Tensor) -> None:
        self._fused.update_weights(gradient, self.state, self._moments)

    @override
    def update_parameters(self, gradient: Tensor) -> None:
        self._fused.update_parameters(gradient, self.state)

    @override
    def step(self, gradient: Tensor) -> None:
        self._fused.step(gradient, self.state, self._moments)


def adam_stepper(preconditioner: Preconditioner, state: StepState, moments: AdamMoments | None = None) -> Stepper:
    """Compose with Adam, by default with betas 0.9 and 0.999 and ε = 1e-7, fused where the preconditioner offers it."""
    moments = AdamMoments(preconditioner.weights, 0.9, 0.999) if moments is None else moments
    if isinstance(preconditioner, FusedSteps):
        return FusedStepper(preconditioner, preconditioner, moments, state)
    return ReferenceStepper(preconditioner, moments, state)


class LearnedPreconditioning(Preconditioned):
    """Momentum, multiplied by a matrix G(θ) = α₀ S(θ) whose parameters θ are learned from every gradient.

    Update rule, with m = 0 and S = I at the start, g the gradient at x on a fresh batch::

        h <- ∂ℓ(x_before − G(θ) m) / ∂θ        the hypergradient of the step that led to x: vjp of −α₀ S m with g
        θ <- Meta(θ, h; α)                     one step of the meta-optimizer
        m <- β m + (1 − β) g                   m <- g if there is no hyperparameter β
        x <- x − G(θ) m

    The paper's first step, with m = 0, does not move; here it is taken before the first gradient, so the first call of
    `step` differentiates that zero step: its hypergradient is zero, and the meta-optimizer's step count advances.

    A final subclass names its hyperparameters, and composes a preconditioner and a meta-optimizer.

    Attributes:
        momentum: m, (P, n).
        preconditioner: S.
        meta_optimizer: the optimizer of θ.
        stepper: takes the steps.
    """

    state_names = ("preconditioner", "meta_optimizer", "momentum")

    _factors: tuple[float | Tensor, float | Tensor] = (1.0, 1.0)  # of the learning rate, of the last and the next step

    @final
    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        has_momentum = "momentum" in self._hyperparameters
        self._ema_weight = 1 - self.hyperparameter("momentum") if has_momentum else self.x.new_ones(())
        self.momentum = torch.zeros_like(self.x)
        meta_lr, initial_lr = self._hyperparameters["meta_learning_rate"], self.hyperparameter("initial_learning_rate")
        state = StepState(self.x, self.momentum, self._ema_weight, initial_lr, meta_lr)
        self.stepper = self._build_stepper(generators, state)
        self.preconditioner, self.meta_optimizer = self.stepper.preconditioner, self.stepper.meta_optimizer

    @abstractmethod
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        """Compose the preconditioner, at its start, with the meta-optimizer."""

    @final
    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        last, current = self._factors
        if current is last:
            self.stepper.step(gradient)
            return
        self._set_learning_rate(last)
        self.stepper.update_preconditioner(gradient)
        self._set_learning_rate(current)
        self.stepper.update_parameters(gradient)
        self._factors = current, current

    @final
    @override
    def scale_learning_rate(self, factor: float | Tensor) -> None:
        """Scale α₀ from the next step on; the hypergradient of the last step remains that with its own α₀."""
        self._factors = self._factors[1], factor
        self._set_learning_rate(factor)

    def _set_learning_rate(self, factor: float | Tensor) -> None:
        super().scale_learning_rate(factor)

    @final
    def set_hyperparameter(self, name: str, value: float) -> None:
        """Change a hyperparameter for all individuals.

        α₀ may change between the stepper's `update_preconditioner` and `update_parameters`, the others at any time.
        """
        self._hyperparameters[name].fill_(value)
        if name == "momentum":
            torch.sub(1, self.hyperparameter(name), out=self._ema_weight)

    @final
    @override
    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        super().load_state_dict(state, device)
        self.preconditioner.forward(self.momentum)  # for the next hypergradient

    @final
    @override
    def precondition(self, vector: Tensor) -> Tensor:
        return self.preconditioner.matvec(vector) * self.stepper.state.initial_lr


class _BlockLodo(LearnedPreconditioning):
    options_table = (LAYERS, BLOCK_SIZE, HIDDEN_DIM)
    complexity = "O(n log n)"
    reference = "Liao et al., TMLR 2023"

    def block_preconditioner(self, generators: Sequence[Generator]) -> Preconditioner:
        """Return S, by the current backend."""
        network = draw_network(
            generators,
            self.x.shape[1],
            layers=self.options["layers"],
            block_size=self.options["block_size"],
            hidden_dim=self.options["hidden_dim"] or None,
            dtype=self.x.dtype,
        )
        if not self.options["layers"]:
            return IdentityPreconditioner(self.x)
        return implementation(TorchBlockPreconditioner, self.x.device, self.x.dtype)(network.to(self.x.device))


@final
class Lodo(_BlockLodo):
    """LODO: momentum, multiplied by a matrix G(θ) whose parameters are themselves learned from every gradient.

    The update rule is that of `LearnedPreconditioning`, with Adam as the meta-optimizer, with betas 0.9 and 0.999 and
    ε = 1e-7, and S that of `BlockPreconditioner`. With no layers this is momentum with learning rate α₀ (1 − β).

    Reference:
        Liao, Dangovski, Foerster, Soljačić, "Learning to Optimize Quasi-Newton Methods", TMLR 2023, §3, Algorithm 1.
        Deviation from the authors' code: the hidden dimension, see `padded_dimension`.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)

    @override
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        return adam_stepper(self.block_preconditioner(generators), state)


@final
class LodoNoMomentum(_BlockLodo):
    """LODO-No-Momentum: LODO with β = 0, so that each step follows the latest gradient alone.

    Reference:
        LODO §5.3. The authors' code tuned a different network under this name; this follows the text.
    """

    hyperparameters = (META_LEARNING_RATE, INITIAL_LEARNING_RATE)

    @override
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        return adam_stepper(self.block_preconditioner(generators), state)


@final
class LodoSgd(_BlockLodo):
    """LODO-SGD: LODO with plain gradient descent as the meta-optimizer, θ <- θ − α h.

    Reference:
        LODO §5.3.
    """

    hyperparameters = (META_LEARNING_RATE, MOMENTUM, INITIAL_LEARNING_RATE)

    @override
    def _build_stepper(self, generators: Sequence[Generator], state: StepState) -> Stepper:
        return ReferenceStepper(self.block_preconditioner(generators), GradientDescent(), state)
