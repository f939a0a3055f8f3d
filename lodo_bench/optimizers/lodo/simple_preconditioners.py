"""Preconditioners without a network: identity, diagonal and dense matrices (LODO §4.1 and §5.3)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from typing_extensions import override

from lodo_bench.optimizers.lodo.preconditioner import Preconditioner


@final
class IdentityPreconditioner(Preconditioner):
    """S = I, without weights: LODO with no layers, which is momentum.

    Args:
        like: (P, n), of the dtype and device of the vectors.
    """

    def __init__(self, like: Tensor) -> None:
        self.weights = like.new_empty(len(like), 0)

    @override
    def forward(self, vector: Tensor) -> Tensor:
        return vector

    @override
    def matvec(self, vector: Tensor) -> Tensor:
        return vector

    @override
    def vjp(self, vector: Tensor) -> Tensor:
        return self.weights

    @override
    def broadcast(self, values: Tensor) -> Tensor:
        return values.unsqueeze(1)


@final
class DiagonalPreconditioner(Preconditioner):
    """S = diag(θ), or θ I where all coordinates share one number; S = I at the start.

    Args:
        like: (P, n), of the dtype and device of the vectors.
        shared: use a single number.

    Attributes:
        weights: θ, (P, n), or (P, 1) if it is shared.

    Reference:
        LODO-Diagonal (Amid et al., 2022) and LODO-Global (Baydin et al., 2017) in LODO §5.3.
    """

    def __init__(self, like: Tensor, *, shared: bool) -> None:
        self.weights = torch.ones_like(like[:, :1] if shared else like)
        self._shared = shared
        self._input = torch.zeros_like(like)

    @override
    def forward(self, vector: Tensor) -> Tensor:
        self._input.copy_(vector)
        return self.matvec(vector)

    @override
    def matvec(self, vector: Tensor) -> Tensor:
        return vector * self.weights

    @override
    def vjp(self, vector: Tensor) -> Tensor:
        gradient = vector * self._input
        return gradient.sum(1, keepdim=True) if self._shared else gradient

    @override
    def broadcast(self, values: Tensor) -> Tensor:
        return values.unsqueeze(1)


@final
class DensePreconditioner(Preconditioner):
    """S = θ, any n × n matrix, not even symmetric; a multiple of I at the start.

    Args:
        like: (P, n), of the dtype and device of the vectors.
        scale: (P,), the multiple.

    Attributes:
        weights: θ, (P, n, n).

    Reference:
        The simplified LODO of LODO §4.1.
    """

    def __init__(self, like: Tensor, scale: Tensor) -> None:
        identity = torch.eye(like.shape[1], device=like.device, dtype=like.dtype)
        self.weights = scale.view(-1, 1, 1) * identity
        self._input = torch.zeros_like(like)

    @override
    def forward(self, vector: Tensor) -> Tensor:
        self._input.copy_(vector)
        return self.matvec(vector)

    @override
    def matvec(self, vector: Tensor) -> Tensor:
        # Not a batched matrix product, whose rounding depends on the position of a matrix in its batch.
        return (self.weights * vector.unsqueeze(1)).sum(2)

    @override
    def vjp(self, vector: Tensor) -> Tensor:
        """Return the outer products v uᵀ, (P, n, n)."""
        return vector.unsqueeze(2) * self._input.unsqueeze(1)

    @override
    def broadcast(self, values: Tensor) -> Tensor:
        return values.view(-1, 1, 1)
