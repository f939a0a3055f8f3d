"""Meta-optimizers: what the weights of a preconditioner are learned with."""

from __future__ import annotations

from typing import Protocol, final

from torch import Tensor

from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.state import Checkpointable


class MetaOptimizer(Protocol):
    """Descends along hypergradients."""

    def descend(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Take one step of `parameters`, in place, at `learning_rate` (broadcasts to them)."""
        ...


@final
class Sgd(Checkpointable):
    """Plain gradient descent: θ <- θ − α h."""

    def descend(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """See `MetaOptimizer.descend`."""
        parameters.addcmul_(gradient, learning_rate, value=-1)


def meta_optimizer(name: str, weights: Tensor) -> MetaOptimizer:
    """`adam`, with betas 0.9 and 0.999 and ε = 1e-7, or `sgd`."""
    return Sgd() if name == "sgd" else AdamMoments(weights, 0.9, 0.999)
