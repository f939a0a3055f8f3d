"""A rescaled Rosenbrock valley (LODO §5.2, App. G)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from lodo_bench.spec.options import Value
from lodo_bench.tasks.base import Task


@final
class Rosenbrock(Task):
    """f(x, y) = 0.01 (1 − x)² + (y − x²)², started at (−0.5, 2); no noise, so seeds differ by the optimizer alone."""

    step_milestone = 200
    default_dtype = "float64"
    offers = frozenset({"hessian"})

    @classmethod
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        """Two."""
        return 2

    def initial_point(self) -> Tensor:
        """(−0.5, 2) for every individual."""
        start = torch.tensor([[-0.5, 2.0]], device=self.device, dtype=self.dtype)
        return start.repeat(self.population, 1)

    def next_batch(self) -> None:
        """Nothing: the function does not change."""

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Values (P,) and gradients (P, 2); see `Task.loss_and_gradient`."""
        first, second = x.unbind(1)
        off_valley = second - first * first
        to_go = 1 - first
        value = 0.01 * to_go * to_go + off_valley * off_valley
        gradient = torch.stack((-0.02 * to_go - 4 * first * off_valley, 2 * off_valley), dim=1)
        return value, gradient

    def hessian(self, x: Tensor) -> Tensor:
        """Second derivatives, (P, 2, 2); see `Task.hessian`."""
        first, second = x.unbind(1)
        corner = 0.02 - 4 * (second - first * first) + 8 * first * first
        side, end = -4 * first, torch.full_like(first, 2.0)
        return torch.stack((corner, side, side, end), dim=1).view(-1, 2, 2)
