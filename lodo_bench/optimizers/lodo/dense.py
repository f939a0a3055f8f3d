"""A preconditioner without any structure: the dense matrix of the paper's theory (LODO §4.1)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from lodo_bench.optimizers.lodo.preconditioner import Preconditioner


@final
class DensePreconditioner(Preconditioner):
    """S = θ, any n × n matrix, not even symmetric; it starts at a multiple of I.

    Args:
        like: (P, n), of the dtype and device of the vectors.
        scale: (P,), what each starts at I times.

    Attributes:
        weights: θ, (P, n, n).

    Reference:
        The simplified LODO of LODO §4.1.
    """

    def __init__(self, like: Tensor, scale: Tensor) -> None:
        identity = torch.eye(like.shape[1], device=like.device, dtype=like.dtype)
        self.weights = scale.view(-1, 1, 1) * identity
        self._last = torch.zeros_like(like)

    def apply(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.apply`."""
        self._last.copy_(vector)
        return self.product(vector)

    def product(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.product`."""
        # Not a batched matrix product: that rounds by the place of a matrix in its batch.
        return (self.weights * vector.unsqueeze(1)).sum(2)

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.weight_gradient`; the outer products v uᵀ, (P, n, n)."""
        return vector.unsqueeze(2) * self._last.unsqueeze(1)

    def spread(self, values: Tensor) -> Tensor:
        """See `Preconditioner.spread`; (P, 1, 1)."""
        return values.view(-1, 1, 1)
