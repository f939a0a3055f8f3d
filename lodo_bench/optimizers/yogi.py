"""Yogi: Adam with a second moment that changes additively."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Value

EPSILON = 1e-3


@final
class Yogi(Optimizer):
    """Yogi: as Adam, but the second moment moves towards g² by a step that does not depend on their distance.

    Update rule, m and v starting at 0, without bias correction, ε = 1e-3::

        m <- β1 m + (1 − β1) g
        v <- v − (1 − β2) sign(v − g²) g²
        x <- x − lr m / (√v + ε)

    As v starts at 0 and is not corrected, the first step can be huge (on the noisy quadratic at the paper's values the
    loss jumps from 7 to about 1e5) before it recovers. That is the method as the paper ran it.

    Reference:
        Zaheer et al., "Adaptive Methods for Nonconvex Optimization", NeurIPS 2018, Algorithm 2; LODO §5, Table 6.
    """

    complexity = "O(n)"
    reference = "Zaheer et al., NeurIPS 2018"
    state_names = ("_first", "_second")
    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.001, "step size", is_learning_rate=True),
        HyperparameterSpec("beta1", "b1", "decay", 0.9, "decay of the first moment"),
        HyperparameterSpec("beta2", "b2", "decay", 0.999, "1 − β2 is the speed of the second moment"),
    )

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        self._first = torch.zeros_like(x)
        self._second = torch.zeros_like(x)

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        self._first.lerp_(gradient, 1 - self.hyperparameter("beta1"))
        square = gradient * gradient
        direction = torch.sign(self._second - square)
        self._second.addcmul_(direction.mul_(square), 1 - self.hyperparameter("beta2"), value=-1)
        scaled = self._first / (self._second.sqrt() + EPSILON)
        self.x.addcmul_(scaled, self.hyperparameter("learning_rate"), value=-1)

    def compiled_steps(self, count: int) -> CompiledStep:
        """See `Optimizer.compiled_steps`."""
        from lodo_bench.backends.numba.elementwise import yogi

        columns = map(self.hyperparameter, ("learning_rate", "beta1", "beta2"))
        return CompiledStep.of(yogi, self._first, self._second, *columns, EPSILON)
