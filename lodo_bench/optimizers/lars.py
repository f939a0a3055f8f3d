"""LARS: a learning rate for each layer, proportional to the size of its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Value


@final
class LARS(Optimizer):
    """LARS: momentum, each layer's gradient rescaled by the ratio of the layer's norm to its gradient's.

    Update rule for each layer l, v starting at 0, progress being the fraction of the planned steps that is done::

        local = ‖x_l‖ / (‖g_l‖ + wd ‖x_l‖)
        v_l <- μ v_l + lr (1 − progress)² local (g_l + wd x_l)
        x_l <- x_l − v_l

    A layer is a module's weight and bias; on a task without layers the whole vector is one. Where x_l = 0 the ratio
    would hold it there for good, so there local = 1.

    Reference:
        You, Gitman, Ginsburg, "Large Batch Training of Convolutional Networks", 2017, in the form that the paper's
        authors ran: without a trust coefficient; LODO §5.3. Deviations: progress is of steps, theirs of wall-clock
        time; and the rule for x_l = 0.
    """

    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size at the start", is_learning_rate=True),
        HyperparameterSpec("momentum", "mu", "decay", 0.9, "decay μ of the velocity"),
        HyperparameterSpec("weight_decay", "wd", "rate", 0.0005, "strength of the pull towards 0"),
    )
    complexity = "O(n)"
    reference = "You et al., 2017"
    state_names = ("_velocity",)

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
        decay = self.hyperparameter("weight_decay")
        rate = self.hyperparameter("learning_rate") * (1 - oracle.progress) ** 2
        pull = gradient + decay * self.x
        for layer in oracle.layers:
            size, slope = _norm(self.x[:, layer]), _norm(gradient[:, layer])
            local = torch.where(size > 0, size / (slope + decay * size), 1.0)
            pull[:, layer] *= rate * local
        self._velocity.mul_(self.hyperparameter("momentum")).add_(pull)
        self.x.sub_(self._velocity)


def _norm(vectors: Tensor) -> Tensor:
    return (vectors * vectors).sum(1, keepdim=True).sqrt_()
