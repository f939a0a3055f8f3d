"""Yogi: Adam with a second moment that changes additively."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec

EPSILON = 1e-3


@final
class Yogi(Optimizer):
    """Yogi: Adam, except that the second moment moves toward g² by a step independent of their distance.

    Update rule, with m = v = 0 at the start, no bias correction, and ε = 1e-3::

        m <- β1 m + (1 − β1) g
        v <- v − (1 − β2) sign(v − g²) g²
        x <- x − lr m / (√v + ε)

    As v starts at 0 without a bias correction, the first steps can be huge (on the noisy quadratic with the paper's
    values, the loss jumps from 7 to about 1e5) before the method recovers. This is the method as the paper ran it.

    Reference:
        Zaheer et al., "Adaptive Methods for Nonconvex Optimization", NeurIPS 2018, Algorithm 2; LODO §5, Table 6.
    """

    is_random = False
    complexity = "O(n)"
    reference = "Zaheer et al., NeurIPS 2018"
    state_names = ("first_moment", "second_moment")
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size", is_learning_rate=True),
        HyperparameterSpec("beta1", "b1", "decay", 0.9, "decay of the first moment"),
        HyperparameterSpec("beta2", "b2", "decay", 0.999, "decay β2 of the second moment"),
    )

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        self.first_moment = torch.zeros_like(self.x)
        self.second_moment = torch.zeros_like(self.x)

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        self.first_moment.lerp_(gradient, 1 - self.hyperparameter("beta1"))
        square = gradient * gradient
        direction = torch.sign(self.second_moment - square)
        self.second_moment.addcmul_(direction.mul_(square), 1 - self.hyperparameter("beta2"), value=-1)
        scaled = self.first_moment / (self.second_moment.sqrt() + EPSILON)
        self.x.addcmul_(scaled, self.hyperparameter("learning_rate"), value=-1)
