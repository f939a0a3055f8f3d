"""LODO-Diagonal as a structure: one learned learning rate for each entry."""

from __future__ import annotations

from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.lodo.drop_in.structure import Settings, Structure


@final
class DiagonalStructure(Structure):
    """S = diag(θ), with θ = 1 at the start (Amid et al., 2022; LODO §5.3)."""

    @classmethod
    @override
    def shapes(cls, n: int, settings: Settings) -> dict[str, tuple[int, ...]]:
        return {"weights": (n,)}

    @classmethod
    @override
    def draw(cls, n: int, settings: Settings, generator: Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        return {"weights": torch.ones(n, dtype=dtype, device=generator.device)}

    @override
    def learn(self, gradient: Tensor, lr: float, meta_lr: float) -> None:
        self.meta.update(self.state["weights"], gradient * self.momentum * -lr, self.meta.advance(meta_lr))

    @override
    def move(self, x: Tensor, gradient: Tensor, lr: float, beta: float) -> None:
        self.momentum.lerp_(gradient, 1 - beta)
        x.addcmul_(self.state["weights"], self.momentum, value=-lr)
