"""LARS: layer-wise adaptive rate scaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec


@final
class LARS(Optimizer):
    """LARS: momentum, with each layer's gradient rescaled by the ratio of the norms of its weights and its gradient.

    Update rule for each layer l, with v = 0 at the start and progress the fraction of the planned steps taken so far::

        local = ‖x_l‖ / (‖g_l‖ + wd ‖x_l‖)
        v_l <- μ v_l + lr (1 − progress)² local (g_l + wd x_l)
        x_l <- x_l − v_l

    A layer is a module's weight and bias; on a task without layers the whole vector is one. Where x_l = 0, the ratio
    would keep it there forever, so local = 1.

    Reference:
        You, Gitman, Ginsburg, "Large Batch Training of Convolutional Networks", 2017, in the form that the paper's
        authors ran: without a trust coefficient; LODO §5.3. Deviations: progress is measured in steps, theirs in
        wall-clock time; and the rule for x_l = 0.
    """

    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "initial step size", is_learning_rate=True),
        HyperparameterSpec("momentum", "mu", "decay", 0.9, "decay μ of the velocity"),
        HyperparameterSpec("weight_decay", "wd", "rate", 0.0005, "weight decay wd"),
    )
    is_random = False
    is_scheduled = True
    complexity = "O(n)"
    reference = "You et al., 2017"
    state_names = ("_velocity",)

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        self._velocity = torch.zeros_like(self.x)

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        decay = self.hyperparameter("weight_decay")
        rate = self.hyperparameter("learning_rate") * (1 - oracle.progress) ** 2
        update = gradient + decay * self.x
        for layer in oracle.layers:
            norm, grad_norm = _norm(self.x[:, layer]), _norm(gradient[:, layer])
            scale = grad_norm + decay * norm
            local = torch.where((norm > 0) & (scale > 0), norm / scale, 1.0)
            update[:, layer] *= rate * local
        self._velocity.mul_(self.hyperparameter("momentum")).add_(update)
        self.x.sub_(self._velocity)


def _norm(vectors: Tensor) -> Tensor:
    return (vectors * vectors).sum(1, keepdim=True).sqrt_()
