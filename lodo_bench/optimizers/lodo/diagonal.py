"""Preconditioners without structure between coordinates: one number each, or one for all (LODO §5.3)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from lodo_bench.optimizers.lodo.preconditioner import Preconditioner


@final
class DiagonalPreconditioner(Preconditioner):
    """S = diag(θ), or θ I where all coordinates share one number; it starts at I.

    Args:
        like: (P, n), of the dtype and device of the vectors.
        shared: whether there is one number only.

    Attributes:
        weights: θ, (P, n), or (P, 1) if it is shared.

    Reference:
        LODO-Diagonal (Amid et al., 2022) and LODO-Global (Baydin et al., 2017) in LODO §5.3.
    """

    def __init__(self, like: Tensor, *, shared: bool) -> None:
        self.weights = torch.ones_like(like[:, :1] if shared else like)
        self._shared = shared
        self._last = torch.zeros_like(like)

    def apply(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.apply`."""
        self._last.copy_(vector)
        return self.product(vector)

    def product(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.product`."""
        return vector * self.weights

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.weight_gradient`."""
        gradient = vector * self._last
        return gradient.sum(1, keepdim=True) if self._shared else gradient

    def spread(self, values: Tensor) -> Tensor:
        """See `Preconditioner.spread`; (P, 1)."""
        return values.unsqueeze(1)
