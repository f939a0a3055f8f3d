"""BFGS with a fixed rate, as the paper runs it on noisy losses (LODO §5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.optimizers.base import Optimizer, Oracle
from lodo_bench.spec.options import HyperparameterSpec, Value


@final
class BFGS(Optimizer):
    """BFGS: the gradient multiplied by a dense inverse Hessian B that every step corrects by a matrix of rank two.

    Update rule, with B = c I at the start, s the last step and y the change of the gradient since, between *different*
    batches, without a line search or a safeguard of the curvature::

        r = 1 / (s · y)
        B <- (I − r s yᵀ) B (I − r y sᵀ) + r s sᵀ
        x <- x − lr B g

    On a noisy quadratic s · y is often negative, and the method diverges, as the paper reports.

    Reference:
        Broyden, Fletcher, Goldfarb, Shanno, 1970; LODO §5.1. The authors' code keeps B in float32.
    """

    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),
        HyperparameterSpec("initial_scale", "c", "rate", 1.0, "c; the inverse Hessian starts at c I"),
    )
    max_dimension = 10_000
    complexity = "O(n²)"
    reference = "Broyden, Fletcher, Goldfarb, Shanno, 1970"
    state_names = ("_inverse", "_move", "_former")

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        identity = torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
        self._inverse = hyperparameters["initial_scale"].view(-1, 1, 1) * identity
        self._move = torch.zeros_like(x)
        self._former: Tensor | None = None

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        if self._former is not None:
            self._correct(gradient - self._former)
        self._former = gradient.clone()
        self._move = -self.precondition(gradient)
        self.x.add_(self._move)

    def precondition(self, vector: Tensor) -> Tensor:
        """The rate times B times each vector, (P, n) -> (P, n); see `Optimizer.precondition`."""
        return self.hyperparameter("learning_rate") * self._times(vector)

    def _times(self, vector: Tensor) -> Tensor:
        # Not a batched matrix product: that rounds by the place of a matrix in its batch.
        return (self._inverse * vector.unsqueeze(1)).sum(2)

    def _correct(self, change: Tensor) -> None:
        """The update of B with its products multiplied out; B is symmetric."""
        curvature = (self._move * change).sum(1, keepdim=True)
        bent = self._times(change)
        self_scale = (1 + (change * bent).sum(1, keepdim=True) / curvature) / curvature
        step, across = self._move, bent / curvature
        self._inverse += (self_scale * step).unsqueeze(2) * step.unsqueeze(1)
        self._inverse -= across.unsqueeze(2) * step.unsqueeze(1) + step.unsqueeze(2) * across.unsqueeze(1)
