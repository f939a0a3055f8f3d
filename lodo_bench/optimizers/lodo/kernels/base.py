"""What every kernel of LODO's preconditioner does, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.lodo.preconditioner import Descent


@dataclass(frozen=True)
class BlockNetwork:
    """G̃ of P individuals: N layers, each a fixed permutation of ñ entries followed by ñ/k blocks of k × k.

    The ñ entries of a layer's signal lie at *places*: entry j at place (j mod k) · ñ/k + j div k, so that the same
    entry of all blocks is contiguous.

    Attributes:
        weights: θ, (P, N, k, k, ñ/k), input entry before output entry; changed in place only.
        orders: (P, N, ñ), int32: what a layer's input has at a place comes from this place of the layer before's
            output, the first layer's from this place of the padded vector.
        entrance: (P, n), int32: the place of the first layer's input where each entry of a vector goes.
    """

    weights: Tensor
    orders: Tensor
    entrance: Tensor

    def to(self, device: torch.device) -> BlockNetwork:
        """The same network on another device."""
        return BlockNetwork(self.weights.to(device), self.orders.to(device), self.entrance.to(device))


class Trace:
    """What one pass of a vector leaves behind for the gradient of the weights.

    Attributes:
        inputs: (P, N, k, ñ/k), what entered each layer's blocks on the way through G̃.
        adjoints: (P, N, k, ñ/k), what entered each layer's transposed blocks on the way back through G̃ᵀ.
    """

    def __init__(self, weights: Tensor) -> None:
        population, layers, _, k, blocks = weights.shape
        self.inputs = weights.new_zeros(population, layers, k, blocks)
        self.adjoints = torch.zeros_like(self.inputs)


def outer_products(applied: Trace, pushed: Trace, out: Tensor) -> Tensor:
    """The gradient of the weights, from what u and v have left behind; see `BlockKernel.weight_gradient`."""
    torch.mul(applied.inputs.unsqueeze(3), pushed.adjoints.unsqueeze(2), out=out)
    return out.addcmul_(pushed.inputs.unsqueeze(3), applied.adjoints.unsqueeze(2))


class BlockKernel(Protocol):
    """S = (I 0) G̃ᵀ G̃ (I 0)ᵀ applied to vectors, and its weights learned. N >= 1.

    Attributes:
        name: by which it is known.
    """

    name: str

    def __init__(self, network: BlockNetwork) -> None: ...

    def apply(self, vector: Tensor) -> Tensor:
        """S times each individual's vector u, (P, n) -> (P, n), keeping what the gradient of the weights needs."""
        ...

    def product(self, vector: Tensor) -> Tensor:
        """The same, keeping nothing."""
        ...

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """Gradient of Σ_p v_p · (S u_p) with respect to the weights, for v (P, n) and the last u that was applied.

        As S is symmetric, v is pushed back through it by the same pass that took u forward, and each block's gradient
        is the sum of two outer products, one for its place in G̃, one for its place in G̃ᵀ. It needs no autograd graph.

        Returns:
            Shaped as the weights; overwritten by the next call.
        """
        ...

    def learn(self, gradient: Tensor, descent: Descent, moments: AdamMoments) -> None:
        """See `Preconditioner.learn`, with Adam as the meta-optimizer."""
        ...


@runtime_checkable
class FusedBlockKernel(BlockKernel, Protocol):
    """A kernel that also does what LODO does with its products, at less cost than one after the other."""

    def move(self, gradient: Tensor, descent: Descent) -> None:
        """See `Preconditioner.move`."""
        ...

    def step(self, gradient: Tensor, descent: Descent, moments: AdamMoments) -> None:
        """See `Preconditioner.step`, with Adam as the meta-optimizer."""
        ...

    def compiled_steps(self, count: int, descent: Descent, moments: AdamMoments) -> CompiledStep:
        """See `Optimizer.compiled_steps`, with Adam as the meta-optimizer."""
        ...
