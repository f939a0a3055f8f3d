"""A butterfly network as a structure of LODO's preconditioner, in PyTorch: small, and local in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Generator, Tensor
from torch.autograd.graph import increment_version
from typing_extensions import override

from lodo_bench.optimizers.lodo.block_network import random_orthogonal
from lodo_bench.optimizers.lodo.drop_in.structure import Settings, Structure
from lodo_bench.optimizers.lodo.rounding import rounded, seed_of

LANES = 16
"""The most columns of a tile: the numbers in single precision of 64 bytes."""


@dataclass(frozen=True)
class Geometry:
    """The arrangement of a vector of n entries as T tiles of R = kᴰ rows and L columns, padded with zeros.

    Entry (r · T + t) · L + l of the vector is in row r and column l of tile t. The blocks of a layer of level d mix
    the k rows whose numbers differ in digit d to the base k only, the first digit being the most significant; layer i
    has level i mod D. So N >= D layers mix all rows of a column, and columns are independent of each other.

    Attributes:
        layers: N >= 0.
        block_size: k >= 2.
        levels: D: N, or fewer if fewer already mix all entries.
        tiles: T.
        columns: L, at most `LANES`.
    """

    layers: int
    block_size: int
    levels: int
    tiles: int
    columns: int

    @classmethod
    def of(cls, n: int, layers: int, block_size: int) -> Geometry:
        """Return the arrangement of n entries."""
        levels, rows = 1, block_size
        while levels < layers and rows < n:
            levels, rows = levels + 1, rows * block_size
        all_columns = -(-n // rows)
        tiles = -(-all_columns // LANES)
        return cls(layers, block_size, levels, tiles, -(-all_columns // tiles))

    @property
    def rows(self) -> int:
        """R."""
        return int(self.block_size**self.levels)

    @property
    def weights(self) -> tuple[int, ...]:
        """The shape of θ: tiles, layers, blocks of a layer, input row, output row, columns."""
        k = self.block_size
        return self.tiles, self.layers, self.rows // k, k, k, self.columns

    def stride(self, layer: int) -> int:
        """Return how far apart the rows are that a layer mixes."""
        return int(self.block_size ** (self.levels - 1 - layer % self.levels))


class ButterflyStructure(Structure):
    """S = G̃ᵀ G̃ with G̃ a product of N layers of k × k blocks, placed as in a fast Fourier transform.

    As in the paper's network, all blocks start as random orthogonal matrices, so that S = I. In place of random
    permutations, each layer mixes entries at another distance, a power of k: every entry depends on kᴺ others, as
    many as can be reached with N layers. The vector falls into groups of kᴺ entries, far apart from each other, that do
    not depend on other groups: all layers of a few groups are processed while their weights are in the cache.
    No activations are stored: those of the last step follow from the momentum, which has not changed since.

    Memory: N k numbers for each entry, and what the meta-optimizer has; no indices. With
    `preconditioner_dtype="bfloat16"` the weights are rounded stochastically after each step.
    """

    block_axes = (3, 4)

    def __init__(self, n: int, settings: Settings, state: Mapping[str, Tensor], momentum: Tensor, eps: float) -> None:
        super().__init__(n, settings, state, momentum, eps)
        self.geometry = Geometry.of(n, settings.layers, settings.block_size)

    @classmethod
    @override
    def shapes(cls, n: int, settings: Settings) -> dict[str, tuple[int, ...]]:
        return {"weights": Geometry.of(n, settings.layers, settings.block_size).weights}

    @classmethod
    @override
    def draw(cls, n: int, settings: Settings, generator: Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        shape = Geometry.of(n, settings.layers, settings.block_size).weights
        _, _, blocks, k, _, columns = shape
        weights = torch.empty(shape, dtype=dtype, device=generator.device)
        for tile in weights:
            for layer in tile:
                matrices = random_orthogonal(generator, blocks * columns, k, dtype)
                layer.copy_(matrices.view(k, k, blocks, columns).permute(2, 0, 1, 3))
        return {"weights": weights}

    @override
    def learn(self, gradient: Tensor, lr: float, meta_lr: float) -> None:
        weights = self._weights()
        _, u_inputs, u_adjoints = self._pass(weights, self.momentum)
        _, v_inputs, v_adjoints = self._pass(weights, gradient * -lr)
        # (T, N, blocks, k, L), inputs before outputs
        h = u_inputs.unsqueeze(4) * v_adjoints.unsqueeze(3)
        h.addcmul_(v_inputs.unsqueeze(4), u_adjoints.unsqueeze(3))
        self.meta.update(weights, h, self.meta.advance(meta_lr))
        if self.is_rounded:
            self.state["weights"].copy_(rounded(weights, self.seed))

    @override
    def move(self, x: Tensor, gradient: Tensor, lr: float, beta: float) -> None:
        self.momentum.lerp_(gradient, 1 - beta)
        direction, _, _ = self._pass(self._weights(), self.momentum)
        x.sub_(direction, alpha=lr)

    @property
    def is_rounded(self) -> bool:
        """True if the weights have less precision than the arithmetic."""
        return self.settings.preconditioner_dtype == "bfloat16"

    @property
    def seed(self) -> int:
        """The seed of the random bits of this step's rounding; 0 if nothing is rounded."""
        return seed_of(int(self.state["step"])) if self.is_rounded else 0

    def _weights(self) -> Tensor:
        return self.state["weights"].to(self.momentum.dtype)

    def _pass(self, weights: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return S times a vector (n,), and the inputs and adjoints of all blocks, each (T, N, blocks, k, L)."""
        tiles, layers, _, k, _, columns = weights.shape
        geometry = self.geometry
        padded = vector.new_zeros(geometry.rows * tiles * columns)
        padded[: self.n] = vector
        signal = padded.view(geometry.rows, tiles, columns).transpose(0, 1)
        inputs, adjoints = (weights.new_empty(weights.shape[:3] + weights.shape[4:]) for _ in range(2))
        for layer in range(layers):
            stride = geometry.stride(layer)
            inputs[:, layer] = _blocks(signal, stride, k)
            outputs = (weights[:, layer] * inputs[:, layer].unsqueeze(3)).sum(2)
            signal = _rows(outputs, stride)
        for layer in reversed(range(layers)):
            stride = geometry.stride(layer)
            adjoints[:, layer] = _blocks(signal, stride, k)
            outputs = (weights[:, layer] * adjoints[:, layer].unsqueeze(2)).sum(3)
            signal = _rows(outputs, stride)
        return signal.transpose(0, 1).reshape(-1)[: self.n], inputs, adjoints


class FusedButterflyStructure(ButterflyStructure):
    """The network in the fused operations of a backend, which implements `run`.

    Autograd does not see what compiled code writes: without the new version number, it would take derivatives at the
    new value of x in place of the former one.
    """

    @abstractmethod
    def run(
        self, x: Tensor, gradient: Tensor, last_lr: float, rate: float, lr: float, beta: float, *, moves: bool
    ) -> None:
        """Learn and move, as `step` does, or one of the two.

        Args:
            x: (n,); any vector if it is not to move.
            gradient: (n,).
            last_lr: the learning rate of the last step, 0 to learn nothing.
            rate: the learning rate of the meta-optimizer, with its correction.
            lr: the learning rate of this step.
            beta: the decay of the momentum.
            moves: whether to move x.
        """

    @final
    @override
    def learn(self, gradient: Tensor, lr: float, meta_lr: float) -> None:
        self.run(self.momentum, gradient, lr, self.meta.advance(meta_lr), 0.0, 0.0, moves=False)

    @final
    @override
    def move(self, x: Tensor, gradient: Tensor, lr: float, beta: float) -> None:
        self.run(x, gradient, 0.0, 0.0, lr, beta, moves=True)
        increment_version(x)

    @final
    @override
    def step(self, x: Tensor, gradient: Tensor, last_lr: float, meta_lr: float, lr: float, beta: float) -> None:
        learns = bool(last_lr and meta_lr)
        rate = self.meta.advance(meta_lr) if learns else 0.0
        self.run(x, gradient, last_lr if learns else 0.0, rate, lr, beta, moves=True)
        increment_version(x)


def _blocks(signal: Tensor, stride: int, k: int) -> Tensor:
    """Arrange a signal (T, R, L) by the blocks of a layer, (T, R/k, k, L)."""
    tiles, rows, columns = signal.shape
    return signal.reshape(tiles, -1, k, stride, columns).transpose(2, 3).reshape(tiles, rows // k, k, columns)


def _rows(blocks: Tensor, stride: int) -> Tensor:
    """Undo `_blocks`."""
    tiles, count, k, columns = blocks.shape
    return blocks.view(tiles, -1, stride, k, columns).transpose(2, 3).reshape(tiles, count * k, columns)
