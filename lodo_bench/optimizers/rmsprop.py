"""RMSprop with momentum, in the form of Keras that the paper's authors ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Value

EPSILON = 1e-7


@final
class RMSprop(Optimizer):
    """RMSprop: gradients divided by their running root mean square, followed by momentum.

    Update rule, a and v starting at 0, not centered, ε = 1e-7 inside the root::

        a <- ρ a + (1 − ρ) g²
        v <- μ v + lr g / √(a + ε)
        x <- x − v

    Reference:
        Hinton, "Neural Networks for Machine Learning", lecture 6e, 2012; LODO §5, Table 6. The paper's authors searched
        ρ on the log scale; here it is a decay like any other, and starts at the usual 0.9.
    """

    complexity = "O(n)"
    reference = "Hinton, lecture 6e, 2012"
    state_names = ("_mean_square", "_velocity")
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size", is_learning_rate=True),
        HyperparameterSpec("rho", "rho", "decay", 0.9, "decay ρ of the mean square"),
        # The usual default is 0, where the logit is infinite; the search starts in the middle of the logit scale.
        HyperparameterSpec("momentum", "mu", "decay", 0.5, "decay μ of the velocity"),
    )

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        self._mean_square = torch.zeros_like(x)
        self._velocity = torch.zeros_like(x)

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        self._mean_square.lerp_(gradient * gradient, 1 - self.hyperparameter("rho"))
        scaled = gradient / (self._mean_square + EPSILON).sqrt_()
        self._velocity.mul_(self.hyperparameter("momentum")).addcmul_(scaled, self.hyperparameter("learning_rate"))
        self.x.sub_(self._velocity)

    def compiled_steps(self, count: int) -> CompiledStep:
        """See `Optimizer.compiled_steps`."""
        from lodo_bench.backends.numba.elementwise import rmsprop

        columns = map(self.hyperparameter, ("learning_rate", "rho", "momentum"))
        return CompiledStep.of(rmsprop, self._mean_square, self._velocity, *columns, EPSILON)
