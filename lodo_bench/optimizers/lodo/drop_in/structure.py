"""The interface of a structure of LODO's preconditioner S(θ), as the drop-in optimizer uses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import META_OPTIMIZERS, MetaName, MetaRule

DtypeName = Literal["same", "bfloat16"]


@dataclass(frozen=True)
class Settings:
    """The arguments of a group that its state depends on, so that they cannot change afterwards."""

    structure: str
    layers: int
    block_size: int
    hidden_dim: int
    meta_optimizer: MetaName
    per_tensor: bool
    preconditioner_dtype: DtypeName = "same"


class Structure(ABC):
    """S(θ) for one vector of n entries, bound to the tensors of its state, which change in place only.

    One step is `learn` with the gradient at the point that the last `move` led to, and then `move`.

    Args:
        n: the number of entries.
        settings: of its group.
        state: the tensors that `draw` returned.
        momentum: m, (n,).
        eps: ε of the meta-optimizer.
    """

    block_axes: ClassVar[tuple[int, ...]] = ()

    def __init__(self, n: int, settings: Settings, state: Mapping[str, Tensor], momentum: Tensor, eps: float) -> None:
        self.n, self.settings, self.state, self.momentum = n, settings, state, momentum
        self.meta: MetaRule = META_OPTIMIZERS[settings.meta_optimizer](state, eps, self.block_axes)

    @classmethod
    @abstractmethod
    def shapes(cls, n: int, settings: Settings) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the tensors that S consists of; `weights` is among them.

        Raises:
            ValueError: for settings that do not fit n.
        """

    @classmethod
    @abstractmethod
    def draw(cls, n: int, settings: Settings, generator: Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return new tensors, with which S = I."""

    @abstractmethod
    def learn(self, gradient: Tensor, lr: float, meta_lr: float) -> None:
        """Update θ with the gradient (n,) at the point to which the last step led, which had the learning rate `lr`."""

    @abstractmethod
    def move(self, x: Tensor, gradient: Tensor, lr: float, beta: float) -> None:
        """Update the momentum with the gradient (n,), and move x (n,) by −lr S m."""

    def step(self, x: Tensor, gradient: Tensor, last_lr: float, meta_lr: float, lr: float, beta: float) -> None:
        """Do both; a subclass may do them in one pass."""
        if last_lr and meta_lr:
            self.learn(gradient, last_lr, meta_lr)
        self.move(x, gradient, lr, beta)
