"""Adam, in the form of Keras, which the paper's authors ran; also LODO's meta-optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.state import Checkpointable

EPSILON = 1e-7


@final
class AdamMoments(Checkpointable):
    """The two moment estimates of Adam for one tensor, and the step that follows from them.

    With t counted from 1::

        m <- β1 m + (1 − β1) g
        v <- β2 v + (1 − β2) g²
        step = lr · √(1 − β2ᵗ) / (1 − β1ᵗ) · m / (√v + ε)

    ε is added to the *uncorrected* √v, unlike in torch.optim.Adam, which equals this with ε / √(1 − β2ᵗ) as its eps.

    Args:
        like: a tensor of the shape, dtype and device of what is optimized.
        beta1: decay of the first moment, a number or a tensor that broadcasts to `like`.
        beta2: decay of the second moment, likewise.
        eps: ε > 0.

    Attributes:
        first, second: m and v.
        beta1_power, beta2_power: β1ᵗ and β2ᵗ, shaped as the betas.
    """

    state_names = ("first", "second", "beta1_power", "beta2_power")

    def __init__(self, like: Tensor, beta1: float | Tensor, beta2: float | Tensor, eps: float = EPSILON) -> None:
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.first = torch.zeros_like(like)
        self.second = torch.zeros_like(like)
        self._work: Tensor | None = None
        # Running products: the rounding of a vectorized power depends on the position in the population.
        self.beta1_power: float | Tensor = beta1**0
        self.beta2_power: float | Tensor = beta2**0

    def advance(self) -> float | Tensor:
        """Count one more step, and return its bias correction √(1 − β2ᵗ) / (1 − β1ᵗ)."""
        self.beta1_power = self.beta1_power * self.beta1
        self.beta2_power = self.beta2_power * self.beta2
        return (1 - self.beta2_power) ** 0.5 / (1 - self.beta1_power)

    def update(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Move `parameters` by one step, in place, with `learning_rate`, which broadcasts to them."""
        rate = learning_rate * self.advance()
        if self._work is None:
            self._work = torch.empty_like(self.first)
        work = torch.mul(gradient, gradient, out=self._work)
        self.first.lerp_(gradient, 1 - self.beta1)
        self.second.lerp_(work, 1 - self.beta2)
        # The step is m / ((√v + ε) / rate): one pass over memory fewer than rate · (m / (√v + ε)).
        torch.sqrt(self.second, out=work)
        torch.addcmul(self.eps / rate, work, 1 / rate, out=work)
        parameters.addcdiv_(self.first, work, value=-1)


@final
class Adam(Optimizer):
    """Adam: steps scaled, entry by entry, by running estimates of the gradient's mean and uncentered variance.

    The update rule is that of `AdamMoments`.

    Reference:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, the form before section 2.1, where the
        two bias corrections are folded into the learning rate; LODO §5, Table 6.
    """

    is_random = False
    complexity = "O(n)"
    reference = "Kingma and Ba, ICLR 2015"
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size", is_learning_rate=True),
        HyperparameterSpec("beta1", "b1", "decay", 0.9, "decay of the first moment"),
        HyperparameterSpec("beta2", "b2", "decay", 0.999, "decay of the second moment"),
    )
    state_names = ("moments",)

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        self.moments = AdamMoments(self.x, self.hyperparameter("beta1"), self.hyperparameter("beta2"))

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        self.moments.update(self.x, gradient, self.hyperparameter("learning_rate"))
