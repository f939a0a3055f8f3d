"""Gradient descent with heavy-ball momentum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Value


@final
class Momentum(Optimizer):
    """Momentum: a velocity that accumulates gradients and decays.

    Update rule, v starting at 0::

        v <- β v − lr g
        x <- x + v

    Reference:
        Polyak, "Some methods of speeding up the convergence of iteration methods", 1964, in the form of Keras' SGD;
        LODO §5, Table 6.
    """

    complexity = "O(n)"
    reference = "Polyak, 1964"
    state_names = ("_velocity",)
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),
        # The usual default is 0, where the logit is infinite; the search starts in the middle of the logit scale.
        HyperparameterSpec("momentum", "beta", "decay", 0.5, "decay β of the velocity"),
    )

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        self._velocity = torch.zeros_like(x)

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        self._velocity.mul_(self.hyperparameter("momentum")).addcmul_(
            gradient, self.hyperparameter("learning_rate"), value=-1
        )
        self.x.add_(self._velocity)

    def compiled_steps(self, count: int) -> CompiledStep:
        """See `Optimizer.compiled_steps`."""
        from lodo_bench.backends.numba.elementwise import momentum

        return CompiledStep.of(momentum, self._velocity, *map(self.hyperparameter, ("learning_rate", "momentum")))
