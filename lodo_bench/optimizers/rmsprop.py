"""RMSprop with momentum, in the form of Keras that the paper's authors ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec

EPSILON = 1e-7


@final
class RMSprop(Optimizer):
    """RMSprop: gradients divided by their running root mean square, followed by momentum.

    Update rule, with a = v = 0 at the start, uncentered, and ε = 1e-7 inside the square root::

        a <- ρ a + (1 − ρ) g²
        v <- μ v + lr g / √(a + ε)
        x <- x − v

    Reference:
        Hinton, "Neural Networks for Machine Learning", lecture 6e, 2012; LODO §5, Table 6. The paper's authors searched
        ρ on a log scale; here it is searched like every other decay, from the usual 0.9.
    """

    is_random = False
    complexity = "O(n)"
    reference = "Hinton, lecture 6e, 2012"
    state_names = ("mean_square", "velocity")
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size", is_learning_rate=True),
        HyperparameterSpec("rho", "rho", "decay", 0.9, "decay ρ of the mean square"),
        # The usual default is 0, whose logit is infinite; the search starts at logit 0 instead.
        HyperparameterSpec("momentum", "mu", "decay", 0.5, "decay μ of the velocity"),
    )

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        self.mean_square = torch.zeros_like(self.x)
        self.velocity = torch.zeros_like(self.x)

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        self.mean_square.lerp_(gradient * gradient, 1 - self.hyperparameter("rho"))
        scaled = gradient / (self.mean_square + EPSILON).sqrt_()
        self.velocity.mul_(self.hyperparameter("momentum")).addcmul_(scaled, self.hyperparameter("learning_rate"))
        self.x.sub_(self.velocity)
