"""The rules by which the weights of a preconditioner follow their hypergradients, bound to the tensors of a state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, final

import torch
from torch import Tensor
from typing_extensions import override

MetaName = Literal["adam", "sign", "lion", "block-rms", "sgd"]
ADAM_BETAS = 0.9, 0.999
LION_BETAS = 0.9, 0.99


class MetaRule(ABC):
    """The optimizer of the weights θ; h is their hypergradient, α the learning rate `meta_lr`.

    Args:
        state: its tensors, by the names in `names`; they change in place only.
        eps: what is added to a root mean square before dividing by it.
        block_axes: the axes of the weights that belong to one block; none if each weight is a block.
    """

    moments: ClassVar[tuple[str, ...]] = ()
    """The names of the tensors of the state that are shaped as the weights."""
    betas: ClassVar[tuple[float, float]] = ADAM_BETAS
    """The decays of the moments, of those that the rule has."""
    has_powers: ClassVar[bool] = False
    """True if the state has `meta_powers`, β1ᵗ and β2ᵗ."""

    def __init__(self, state: Mapping[str, Tensor], eps: float, block_axes: Sequence[int]) -> None:
        self.state, self.eps, self.block_axes = state, eps, tuple(block_axes)

    @classmethod
    def shapes(cls, weights: Sequence[int], block_axes: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the moments for weights of this shape."""
        return {name: tuple(weights) for name in cls.moments}

    def advance(self, learning_rate: float) -> float:
        """Count one more step, and return its learning rate, with the correction of the moments' bias."""
        return learning_rate

    @abstractmethod
    def update(self, weights: Tensor, h: Tensor, rate: float) -> None:
        """Move the weights by one step, in place; `rate` is what `advance` returned."""


@final
class MetaSign(MetaRule):
    """θ <- θ − α sign(h), without any state."""

    @override
    def update(self, weights: Tensor, h: Tensor, rate: float) -> None:
        weights.sub_(_sign(h), alpha=rate)


@final
class MetaGradientDescent(MetaRule):
    """θ <- θ − α h."""

    @override
    def update(self, weights: Tensor, h: Tensor, rate: float) -> None:
        weights.sub_(h, alpha=rate)


@final
class MetaLion(MetaRule):
    """θ <- θ − α sign(0.9 c + 0.1 h), then c <- 0.99 c + 0.01 h (Chen et al., 2023)."""

    moments = ("meta_first",)
    betas = LION_BETAS

    @override
    def update(self, weights: Tensor, h: Tensor, rate: float) -> None:
        first = self.state["meta_first"]
        weights.sub_(_sign(torch.lerp(first, h, 1 - LION_BETAS[0])), alpha=rate)
        first.lerp_(h, 1 - LION_BETAS[1])


class _Corrected(MetaRule):
    """A rule with moments that start at 0, whose bias is corrected as in Adam.

    The state has the powers β1ᵗ and β2ᵗ, with t counted from 1, as the first update is the second step.
    """

    has_powers = True

    @override
    def advance(self, learning_rate: float) -> float:
        powers = self.state["meta_powers"]
        powers.mul_(powers.new_tensor(ADAM_BETAS))
        return learning_rate * self.correction(*powers.tolist())

    @abstractmethod
    def correction(self, beta1_power: float, beta2_power: float) -> float:
        """Return the factor of the learning rate."""


@final
class MetaBlockRms(_Corrected):
    """θ <- θ − α √(1 − β2ᵗ) h / (√v + ε), with one v <- β2 v + (1 − β2) mean(h²) for each block, β2 = 0.999."""

    moments = ("meta_second",)

    @classmethod
    @override
    def shapes(cls, weights: Sequence[int], block_axes: Sequence[int]) -> dict[str, tuple[int, ...]]:
        return {"meta_second": tuple(size for axis, size in enumerate(weights) if axis not in block_axes)}

    @override
    def correction(self, beta1_power: float, beta2_power: float) -> float:
        return float((1 - beta2_power) ** 0.5)

    @override
    def update(self, weights: Tensor, h: Tensor, rate: float) -> None:
        second = self.state["meta_second"]
        square = (h * h).mean(self.block_axes) if self.block_axes else h * h
        second.lerp_(square, 1 - ADAM_BETAS[1])
        scale = second.sqrt().add_(self.eps)
        for axis in self.block_axes:
            scale = scale.unsqueeze(axis)
        weights.addcdiv_(h, scale, value=-rate)


@final
class MetaAdam(_Corrected):
    """Adam, as in `lodo_bench.optimizers.adam.AdamMoments`, with β1 = 0.9 and β2 = 0.999."""

    moments = ("meta_first", "meta_second")

    @override
    def correction(self, beta1_power: float, beta2_power: float) -> float:
        return float((1 - beta2_power) ** 0.5 / (1 - beta1_power))

    @override
    def update(self, weights: Tensor, h: Tensor, rate: float) -> None:
        first, second = self.state["meta_first"], self.state["meta_second"]
        first.lerp_(h, 1 - ADAM_BETAS[0])
        second.lerp_(h * h, 1 - ADAM_BETAS[1])
        weights.addcdiv_(first, second.sqrt().add_(self.eps), value=-rate)


META_OPTIMIZERS: Mapping[MetaName, type[MetaRule]] = {
    "adam": MetaAdam,
    "sign": MetaSign,
    "lion": MetaLion,
    "block-rms": MetaBlockRms,
    "sgd": MetaGradientDescent,
}


def _sign(h: Tensor) -> Tensor:
    """Return 1, 0 or -1, and 0 for NaN, so that no weight is lost to it."""
    return (h > 0).to(h.dtype) - (h < 0).to(h.dtype)
