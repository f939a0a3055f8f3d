"""Gradient descent with heavy-ball momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec


@final
class Momentum(Optimizer):
    """Momentum: a decaying sum of gradients, the velocity, moves the parameters.

    Update rule, with v = 0 at the start::

        v <- β v − lr g
        x <- x + v

    Reference:
        Polyak, "Some methods of speeding up the convergence of iteration methods", 1964, in the form of Keras' SGD;
        LODO §5, Table 6.
    """

    is_random = False
    complexity = "O(n)"
    reference = "Polyak, 1964"
    state_names = ("velocity",)
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),
        # The usual default is 0, whose logit is infinite; the search starts at logit 0 instead.
        HyperparameterSpec("momentum", "beta", "decay", 0.5, "decay β of the velocity"),
    )

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        self.velocity = torch.zeros_like(self.x)

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        self.velocity.mul_(self.hyperparameter("momentum")).addcmul_(
            gradient, self.hyperparameter("learning_rate"), value=-1
        )
        self.x.add_(self.velocity)
