"""LODO: a quasi-Newton method that learns its preconditioner while it optimizes (LODO §3, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.optimizers.lodo.preconditioner import BlockPreconditioner
from lodo_bench.spec import Parameter


@final
class Lodo(Optimizer):
    """LODO: momentum, multiplied by a matrix G(θ) whose parameters are themselves learned from every gradient.

    Update rule, with m = 0 and G = α₀ I at the start, g the gradient at x on a fresh batch::

        h <- ∂ℓ(x_before − G(θ) m) / ∂θ        the hypergradient of the step that led to x: g pushed back through it
        θ <- Adam(θ, h; α)                     betas 0.9 and 0.999, ε = 1e-7
        m <- β m + (1 − β) g
        x <- x − G(θ) m

    The paper's first step, with m = 0, goes nowhere; here it is taken before the first gradient, so the first call of
    `step` pushes g back through that zero step: its hypergradient is zero, and the meta-optimizer's counter advances.

    G = α₀ S with S the product described in `BlockPreconditioner`. With no layers this is momentum at the rate
    α₀ (1 − β).

    Args:
        x: (P, n), updated in place.
        hyperparameters: (P,) for each name.
        generators: draw each individual's permutations and blocks.
        layers: N >= 0, the number of layers of G̃.
        block_size: k >= 1.
        hidden_dim: ñ; None for the smallest multiple of k that is at least 2n.

    Reference:
        Liao, Dangovski, Foerster, Soljačić, "Learning to Optimize Quasi-Newton Methods", TMLR 2023, §3, Algorithm 1.
        Deviation from the authors' code: the hidden dimension, see `padded_dimension`.
    """

    hyperparameters = (
        Parameter("meta_learning_rate", "meta_lr", "rate", 0.001, "step size α of the preconditioner's own Adam"),
        Parameter("momentum", "beta", "decay", 0.9, "decay β of the averaged gradient"),
        Parameter("initial_learning_rate", "lr", "rate", 1.0, "α₀; at the start the preconditioner is α₀ I"),
    )

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        *,
        layers: int = 16,
        block_size: int = 4,
        hidden_dim: int | None = None,
    ) -> None:
        super().__init__(x, hyperparameters, generators)
        self.preconditioner = BlockPreconditioner(
            generators, x.shape[1], layers=layers, block_size=block_size, hidden_dim=hidden_dim, dtype=x.dtype
        )
        self._meta = AdamMoments(self.preconditioner.weights, 0.9, 0.999)
        self._meta_rate = self.preconditioner.spread(hyperparameters["meta_learning_rate"])
        self._average = torch.zeros_like(x)
        self._taken = self.preconditioner.new_trace()
        self._pushed = self.preconditioner.new_trace()

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        initial_rate = self.column("initial_learning_rate")
        self.preconditioner.apply(gradient * -initial_rate, self._pushed)
        hypergradient = self.preconditioner.weight_gradient(self._taken, self._pushed)
        self._meta.descend(self.preconditioner.weights, hypergradient, self._meta_rate)
        self._average.lerp_(gradient, 1 - self.column("momentum"))
        direction = self.preconditioner.apply(self._average, self._taken)
        self.x.addcmul_(direction, initial_rate, value=-1)
