"""Adam, in the form of Keras that the paper's authors ran; also LODO's meta-optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Value
from lodo_bench.state import Checkpointable

EPSILON = 1e-7


class AdamMoments(Checkpointable):
    """The two moment estimates of Adam for one tensor, and the step that follows from them.

    With t counted from 1::

        m <- β1 m + (1 − β1) g
        v <- β2 v + (1 − β2) g²
        step = lr · √(1 − β2ᵗ) / (1 − β1ᵗ) · m / (√v + ε),    ε = 1e-7

    ε is added to the *uncorrected* √v, unlike in torch.optim.Adam, which equals this with ε / √(1 − β2ᵗ) for its eps.

    Args:
        like: a tensor of the shape, dtype and device of what is optimized.
        beta1: decay of the first moment, a number or a tensor that broadcasts to `like`.
        beta2: decay of the second moment, likewise.

    Attributes:
        first, second: m and v.
        power1, power2: β1ᵗ and β2ᵗ, of the form of the betas.
    """

    state_names = ("first", "second", "power1", "power2")

    def __init__(self, like: Tensor, beta1: float | Tensor, beta2: float | Tensor) -> None:
        self.beta1, self.beta2 = beta1, beta2
        self.first = torch.zeros_like(like)
        self.second = torch.zeros_like(like)
        self._work: Tensor | None = None
        # β₁ᵗ and β₂ᵗ as running products: a vectorized power of a tensor would round by its place in the population.
        self.power1: float | Tensor = beta1**0
        self.power2: float | Tensor = beta2**0

    def advance(self) -> float | Tensor:
        """Count one step more; returns √(1 − β2ᵗ) / (1 − β1ᵗ) for it."""
        self.power1 = self.power1 * self.beta1
        self.power2 = self.power2 * self.beta2
        return (1 - self.power2) ** 0.5 / (1 - self.power1)

    def descend(self, parameters: Tensor, gradient: Tensor, learning_rate: Tensor) -> None:
        """Take one step of `parameters`, in place, at `learning_rate` (broadcasts to them)."""
        rate = learning_rate * self.advance()
        if self._work is None:
            self._work = torch.empty_like(self.first)
        work = torch.mul(gradient, gradient, out=self._work)
        self.first.lerp_(gradient, 1 - self.beta1)
        self.second.lerp_(work, 1 - self.beta2)
        # The step is m / ((√v + ε) / rate): one pass over memory fewer than rate · (m / (√v + ε)).
        torch.sqrt(self.second, out=work)
        torch.addcmul(EPSILON / rate, work, 1 / rate, out=work)
        parameters.addcdiv_(self.first, work, value=-1)


@final
class Adam(Optimizer):
    """Adam: a step scaled by running estimates of the gradient's mean and uncentered variance, entry by entry.

    The update rule is that of `AdamMoments`.

    Reference:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, the form before section 2.1, where the
        two bias corrections are folded into the rate; LODO §5, Table 6.
    """

    complexity = "O(n)"
    reference = "Kingma and Ba, ICLR 2015"
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size", is_learning_rate=True),
        HyperparameterSpec("beta1", "b1", "decay", 0.9, "decay of the first moment"),
        HyperparameterSpec("beta2", "b2", "decay", 0.999, "decay of the second moment"),
    )
    state_names = ("_moments",)

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        self._moments = AdamMoments(x, self.hyperparameter("beta1"), self.hyperparameter("beta2"))

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        self._moments.descend(self.x, gradient, self.hyperparameter("learning_rate"))

    def compiled_steps(self, count: int) -> CompiledStep:
        """See `Optimizer.compiled_steps`."""
        from lodo_bench.backends.numba.elementwise import adam

        m, columns = self._moments, map(self.hyperparameter, ("learning_rate", "beta1", "beta2"))
        return CompiledStep.of(adam, m.first, m.second, m.power1, m.power2, *columns, EPSILON)
