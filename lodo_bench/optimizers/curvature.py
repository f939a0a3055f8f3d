"""The curvature along a step, which quasi-Newton methods divide by."""

from __future__ import annotations

import torch
from torch import Tensor


def has_curvature(product: Tensor) -> Tensor:
    """Return where a product such as s · y can be divided by.

    It is 0 after a step from an exact minimum, and underflows next to one. The pair says nothing about the curvature
    then, and a division by it would end a run at its minimum as diverged.
    """
    return product.abs() >= torch.finfo(product.dtype).tiny
