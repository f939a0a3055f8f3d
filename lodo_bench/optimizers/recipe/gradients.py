"""The part of a recipe that changes gradients: clipping, and weight decay as an L2 penalty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lodo_bench.optimizers.base import Oracle

_EPSILON = 1e-6  # as in torch.nn.utils.clip_grad_norm_


@final
@dataclass(frozen=True, eq=False)
class GradientRecipe:
    """Clipping of gradients, and L2 decay.

    Each individual's gradient g becomes, with ‖g‖ over all of its entries::

        g min(c / (‖g‖ + 1e-6), 1) + λ x

    Attributes:
        clip_norm: c, (P, 1); None for no clipping.
        weight_decay: λ, (P, 1); None for none.
    """

    clip_norm: Tensor | None
    weight_decay: Tensor | None

    def __call__(self, gradient: Tensor, x: Tensor) -> Tensor:
        """Return the changed gradients (P, n) at `x` (P, n); those given remain as they are."""
        if self.clip_norm is not None:
            norm = (gradient * gradient).sum(1, keepdim=True).sqrt_()
            gradient = gradient * (self.clip_norm / (norm + _EPSILON)).clamp_(max=1.0)
        return gradient if self.weight_decay is None else torch.addcmul(gradient, self.weight_decay, x)

    def change_loss(self, loss: Tensor, x: Tensor) -> Tensor:
        """Return loss + λ ‖x‖² / 2, (P,), at `x` (P, n); clipping does not change losses."""
        if self.weight_decay is None:
            return loss
        return loss + self.weight_decay.squeeze(1) * (x * x).sum(1) / 2

    def change_hessian(self, hessian: Tensor) -> Tensor:
        """Return H + λ I, (P, n, n); clipping does not change Hessians."""
        if self.weight_decay is None:
            return hessian
        identity = torch.eye(hessian.shape[-1], device=hessian.device, dtype=hessian.dtype)
        return hessian + self.weight_decay.unsqueeze(2) * identity


@final
class RecipeOracle:
    """An oracle whose answers have the same recipe as the gradient that the optimizer is given, at `x` (P, n)."""

    def __init__(self, oracle: Oracle, recipe: GradientRecipe, x: Tensor) -> None:
        self._oracle, self._recipe, self._x = oracle, recipe, x

    @property
    def loss(self) -> Tensor:
        """The changed losses (P,) that belong to the gradient given to `step`."""
        return self._recipe.change_loss(self._oracle.loss, self._x)

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the changed losses (P,) and gradients (P, n) at `x` (P, n) on the same batch."""
        loss, gradient = self._oracle.loss_and_gradient(x)
        return self._recipe.change_loss(loss, x), self._recipe(gradient, x)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the changed gradient (P, n) at `x` (P, n) on the same batch."""
        return self._recipe(self._oracle.gradient(x), x)

    def hessian(self, x: Tensor) -> Tensor:
        """Return the changed Hessians (P, n, n) at `x` (P, n) on this batch."""
        return self._recipe.change_hessian(self._oracle.hessian(x))

    @property
    def layers(self) -> Sequence[slice]:
        """The slices of the flat vector that are layers of a network."""
        return self._oracle.layers

    @property
    def progress(self) -> float:
        """The fraction of the planned steps that have been taken, from 0 to 1."""
        return self._oracle.progress
