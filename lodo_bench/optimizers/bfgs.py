"""BFGS with a fixed learning rate, as the paper runs it on noisy losses (LODO §5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Oracle, Preconditioned
from lodo_bench.optimizers.curvature import has_curvature
from lodo_bench.spec.options import HyperparameterSpec


@final
class BFGS(Preconditioned):
    """BFGS: a dense inverse Hessian B, which a rank-two update corrects at every step, multiplies the gradient.

    Update rule, with B = c I at the start, s the last step and y the change of the gradient over it, taken between
    *different* batches, without a line search and without a curvature condition::

        r = 1 / (s · y)
        B <- (I − r s yᵀ) B (I − r y sᵀ) + r s sᵀ
        x <- x − lr B g

    On a noisy quadratic s · y is often negative, and the method diverges, as the paper reports. Where s · y is 0, as
    it is after a step from an exact minimum, the pair says nothing about the curvature, and B stays as it is.

    Reference:
        Broyden, Fletcher, Goldfarb, Shanno, 1970; LODO §5.1. The authors' code keeps B in float32.
    """

    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),
        HyperparameterSpec("initial_scale", "c", "rate", 1.0, "c; the inverse Hessian starts at c I"),
    )
    max_dimension = 10_000
    is_random = False
    complexity = "O(n²)"
    reference = "Broyden, Fletcher, Goldfarb, Shanno, 1970"
    state_names = ("_inverse", "_last_step", "_prev_gradient")

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        identity = torch.eye(self.x.shape[1], device=self.x.device, dtype=self.x.dtype)
        self._inverse = self.hyperparameter("initial_scale").unsqueeze(2) * identity
        self._last_step = torch.zeros_like(self.x)
        self._prev_gradient: Tensor | None = None

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        if self._prev_gradient is not None:
            self._update_inverse(gradient - self._prev_gradient)
        self._prev_gradient = gradient.clone()
        self._last_step = -self.precondition(gradient)
        self.x.add_(self._last_step)

    @override
    def precondition(self, vector: Tensor) -> Tensor:
        return self.hyperparameter("learning_rate") * self._matvec(vector)

    def _matvec(self, vector: Tensor) -> Tensor:
        """Return B times each vector, (P, n) -> (P, n)."""
        # Not a batched matrix product, whose rounding depends on the position of a matrix in its batch.
        return (self._inverse * vector.unsqueeze(1)).sum(2)

    def _update_inverse(self, y: Tensor) -> None:
        """Update B, with the products multiplied out, as B is symmetric; y is the change of the gradient, (P, n)."""
        s = self._last_step
        sy = (s * y).sum(1, keepdim=True)
        by = self._matvec(y)
        is_known = has_curvature(sy)
        scale = torch.where(is_known, (1 + (y * by).sum(1, keepdim=True) / sy) / sy, 0)
        scaled_by = torch.where(is_known, by / sy, 0)
        self._inverse += (scale * s).unsqueeze(2) * s.unsqueeze(1)
        self._inverse -= scaled_by.unsqueeze(2) * s.unsqueeze(1) + s.unsqueeze(2) * scaled_by.unsqueeze(1)
