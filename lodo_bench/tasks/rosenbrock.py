"""The rescaled Rosenbrock function (LODO §5.2, App. G)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor
from typing_extensions import override

from lodo_bench.spec.options import Value
from lodo_bench.tasks.base import Task


@final
class Rosenbrock(Task):
    """f(x, y) = 0.01 (1 − x)² + (y − x²)², from (−0.5, 2). Deterministic: seeds affect the optimizer only."""

    step_milestone = 200
    default_dtype = "float64"
    offers = frozenset({"hessian"})

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        return 2

    @classmethod
    @override
    def is_random(cls, options: Mapping[str, Value]) -> bool:
        return False

    @classmethod
    @override
    def minimizers(cls, options: Mapping[str, Value]) -> Sequence[Sequence[float]]:
        return ((1.0, 1.0),)

    @override
    def initial_point(self) -> Tensor:
        """Return (−0.5, 2) for every individual."""
        start = torch.tensor([[-0.5, 2.0]], device=self.device, dtype=self.dtype)
        return start.repeat(self.population, 1)

    @override
    def next_batch(self) -> None:
        pass  # the function is deterministic

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return values (P,) and gradients (P, 2)."""
        first, second = x.unbind(1)
        off_valley = second - first * first
        to_go = 1 - first
        value = 0.01 * to_go * to_go + off_valley * off_valley
        gradient = torch.stack((-0.02 * to_go - 4 * first * off_valley, 2 * off_valley), dim=1)
        return value, gradient

    @override
    def hessian(self, x: Tensor) -> Tensor:
        """Return the second derivatives, (P, 2, 2)."""
        first, second = x.unbind(1)
        corner = 0.02 - 4 * (second - first * first) + 8 * first * first
        side, end = -4 * first, torch.full_like(first, 2.0)
        return torch.stack((corner, side, side, end), dim=1).view(-1, 2, 2)
