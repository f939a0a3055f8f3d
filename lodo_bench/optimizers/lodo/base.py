"""LODO's rule, whatever its preconditioner: a quasi-Newton method that learns while it optimizes (LODO §3)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.optimizers.lodo.meta import MetaOptimizer, meta_optimizer
from lodo_bench.optimizers.lodo.preconditioner import Descent, Preconditioner
from lodo_bench.spec.options import HyperparameterSpec, Value

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


class LearnedPreconditioning(Optimizer):
    """Momentum, multiplied by a matrix G(θ) = α₀ S(θ) whose parameters θ are learned from every gradient.

    Update rule, with m = 0 and S = I at the start, g the gradient at x on a fresh batch::

        h <- ∂ℓ(x_before − G(θ) m) / ∂θ        the hypergradient of the step that led to x: g pushed back through it
        θ <- Meta(θ, h; α)                     one step of the meta-optimizer
        m <- β m + (1 − β) g                   m <- g where there is no hyperparameter β
        x <- x − G(θ) m

    The paper's first step, with m = 0, goes nowhere; here it is taken before the first gradient, so the first call of
    `step` pushes g back through that zero step: its hypergradient is zero, and the meta-optimizer's counter advances.

    A final subclass says what S is and names its hyperparameters.

    Args:
        x: (P, n), updated in place.
        hyperparameters: (P,) for each name.
        generators: for the preconditioner's random parts.
        options: structural options.

    Attributes:
        average: m, (P, n).
        preconditioner: S.
    """

    state_names = ("preconditioner", "_meta", "average")

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        self.preconditioner = self._build(generators)
        self._meta = self._build_meta()
        self._renewal = 1 - self.hyperparameter("momentum") if "momentum" in hyperparameters else x.new_ones(())
        self.average = torch.zeros_like(x)
        self._descent = Descent(
            x, self.average, self._renewal, self._initial_scale(), hyperparameters["meta_learning_rate"]
        )
        self.is_compiled = self.is_compiled and self.preconditioner.is_compiled_with(self._meta)

    @abstractmethod
    def _build(self, generators: Sequence[Generator]) -> Preconditioner:
        """S at its start."""

    def _initial_scale(self) -> Tensor:
        """α₀, (P, 1)."""
        return self.hyperparameter("initial_learning_rate")

    def _build_meta(self) -> MetaOptimizer:
        return meta_optimizer("adam", self.preconditioner.weights)

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        self.preconditioner.step(gradient, self._descent, self._meta)

    def compiled_steps(self, count: int) -> CompiledStep:
        """See `Optimizer.compiled_steps`."""
        return self.preconditioner.compiled_steps(count, self._descent, self._meta)

    def learn(self, gradient: Tensor) -> None:
        """The first half of a step: θ learns from the gradient (P, n) at the point that the last move led to."""
        self.preconditioner.learn(gradient, self._descent, self._meta)

    def move(self, gradient: Tensor) -> None:
        """The second half of a step: the gradient (P, n) enters the average, and `x` moves."""
        self.preconditioner.move(gradient, self._descent)

    def set_hyperparameter(self, name: str, value: float) -> None:
        """Change a hyperparameter, for all individuals; α₀ between `learn` and `move`, the others at any time."""
        self._hyperparameters[name].fill_(value)
        if name == "momentum":
            torch.sub(1, self.hyperparameter(name), out=self._renewal)

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """See `Checkpointable.restore`."""
        super().load_state_dict(state, device)
        self.preconditioner.apply(self.average)  # which it remembers, for the next hypergradient

    def precondition(self, vector: Tensor) -> Tensor:
        """G(θ) times each vector, (P, n) -> (P, n); see `Optimizer.precondition`."""
        return self.preconditioner.product(vector) * self._descent.scale
