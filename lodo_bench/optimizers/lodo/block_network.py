"""LODO's preconditioner: a deep linear network of small blocks and fixed permutations (LODO §3, eq. 2)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.compute.threads import single_thread
from lodo_bench.errors import UsageError
from lodo_bench.optimizers.lodo.preconditioner import Preconditioner

# The number of blocks that are orthogonalized at once, so that they fit into the cache.
_CHUNK = 4096


def padded_dimension(n: int, block_size: int) -> int:
    """Return the hidden dimension ñ: the smallest multiple of the block size that is at least 2n.

    The authors' code always adds one more block (204 instead of 200 for n = 100, k = 4).
    """
    return -(-2 * n // block_size) * block_size


@dataclass(frozen=True)
class BlockNetwork:
    """G̃ of P individuals: N layers, each a fixed permutation of ñ entries followed by ñ/k blocks of size k × k.

    The memory layout of a signal of ñ entries: entry j is at position (j mod k) · ñ/k + j div k, so that the same entry
    of all blocks is contiguous.

    Attributes:
        weights: θ, (P, N, k, k, ñ/k), input entry before output entry; changed in place only.
        permutations: (P, N, ñ), int32: for each position of a layer's input, the position in the output of the previous
            layer that it is taken from; for the first layer, the position in the padded vector.
        embedding_index: (P, n), int32: the position in the first layer's input of each entry of a vector.
    """

    weights: Tensor
    permutations: Tensor
    embedding_index: Tensor

    def to(self, device: torch.device) -> BlockNetwork:
        """Return the same network on another device."""
        return BlockNetwork(self.weights.to(device), self.permutations.to(device), self.embedding_index.to(device))


class Activations:
    """The inputs of all blocks in one pass of a vector through S, which the gradient of the weights is made of.

    Attributes:
        inputs: (P, N, k, ñ/k), the inputs of each layer's blocks in the pass through G̃.
        adjoints: (P, N, k, ñ/k), the inputs of each layer's transposed blocks in the pass back through G̃ᵀ.
    """

    def __init__(self, weights: Tensor) -> None:
        population, layers, _, k, blocks = weights.shape
        # The entries of `inputs` that pad the vector are zero from here on: no pass writes to them.
        self.inputs = weights.new_zeros(population, layers, k, blocks)
        self.adjoints = torch.zeros_like(self.inputs)


class BlockPreconditioner(Preconditioner):
    """S = (I 0) G̃ᵀ G̃ (I 0)ᵀ for P individuals, G̃ a product of N >= 1 layers B(θ⁽ⁱ⁾) P_i.

    (I 0)ᵀ pads a vector of n entries with zeros to ñ. P_i is a fixed random permutation, B is block-diagonal with ñ/k
    blocks of size k × k, all of which start as random orthogonal matrices. So S is symmetric and positive semidefinite
    for every θ, and the identity at the start. LODO's G is α₀ S.

    As S is symmetric, the gradient needs no autograd graph: v passes through S just as u does, and the gradient of each
    block is the sum of two outer products of activations, one for its place in G̃ and one for its place in G̃ᵀ.

    Cost: 2 N ñ k multiplications per product; N ñ k weights per individual (128 n with the defaults).

    Subclasses implement the pass, with PyTorch or in a backend.

    Args:
        network: the weights and the permutations, as `draw_network` makes them.

    Attributes:
        weights: θ, (P, N, k, k, ñ/k), input entry before output entry; changed in place only.
        permutations, embedding_index: as in `BlockNetwork`.
    """

    # Another version of PyTorch, or another device, may draw other permutations from the same seed.
    state_names = ("permutations", "embedding_index")

    def __init__(self, network: BlockNetwork) -> None:
        self.weights = network.weights
        self.permutations, self.embedding_index = network.permutations, network.embedding_index
        # Allocated when needed: a fused step needs neither.
        self._others: Activations | None = None
        self._gradient: Tensor | None = None
        self._reset()

    @abstractmethod
    def prepare(self) -> None:
        """Allocate memory, and derive indices from the permutations, at construction and after loading a state."""

    @abstractmethod
    def apply(self, vector: Tensor, activations: Activations) -> Tensor:
        """Return S times each individual's vector, (P, n) -> (P, n), and fill the activations."""

    @final
    @override
    def forward(self, vector: Tensor) -> Tensor:
        return self.apply(vector, self.activations)

    @final
    @override
    def matvec(self, vector: Tensor) -> Tensor:
        return self.apply(vector, self._other_activations())

    @final
    @override
    def vjp(self, vector: Tensor) -> Tensor:
        self.matvec(vector)
        u, v = self.activations, self._other_activations()
        gradient = self._gradient = torch.empty_like(self.weights) if self._gradient is None else self._gradient
        torch.mul(u.inputs.unsqueeze(3), v.adjoints.unsqueeze(2), out=gradient)
        return gradient.addcmul_(v.inputs.unsqueeze(3), u.adjoints.unsqueeze(2))

    @final
    @override
    def broadcast(self, values: Tensor) -> Tensor:
        return values.view(-1, 1, 1, 1, 1)

    @final
    @override
    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        super().load_state_dict(state, device)
        self._reset()

    def _reset(self) -> None:
        self.activations, self._others = Activations(self.weights), None
        self.prepare()

    def _other_activations(self) -> Activations:
        if self._others is None:
            self._others = Activations(self.weights)
        return self._others


@final
class TorchBlockPreconditioner(BlockPreconditioner):
    """The reference in PyTorch: a layer is one elementwise product and one short sum over all blocks."""

    @override
    def prepare(self) -> None:
        population, self._layers, k, _, blocks = self.weights.shape
        # Positions in the flattened signals (P, ñ), so that one index operation permutes those of all individuals.
        hidden = k * blocks
        start = torch.arange(population, device=self.weights.device).unsqueeze(1) * hidden
        self._gather = [(start + permutation).flatten() for permutation in self.permutations.unbind(1)]
        self._scatter = [torch.argsort(index) for index in self._gather]
        self._project = (start + self.embedding_index).flatten()
        self._embed = (start * self._layers + self.embedding_index).flatten()

    @override
    def apply(self, vector: Tensor, activations: Activations) -> Tensor:
        inputs, adjoints = activations.inputs, activations.adjoints
        inputs.view(-1).index_copy_(0, self._embed, vector.flatten())
        for layer, following in pairwise(range(self._layers)):
            signal = self._forward(layer, inputs)
            inputs[:, following] = signal.view(-1)[self._gather[following]].view_as(signal)
        adjoints[:, -1] = self._forward(self._layers - 1, inputs)
        for layer, following in pairwise(range(self._layers - 1, -1, -1)):
            signal = self._backward(layer, adjoints)
            adjoints[:, following] = signal.view(-1)[self._scatter[layer]].view_as(signal)
        return self._backward(0, adjoints).view(-1)[self._project].view_as(vector)

    def _forward(self, layer: int, inputs: Tensor) -> Tensor:
        """Return B(θ) times the layer's inputs, (P, k, ñ/k)."""
        return (self.weights[:, layer] * inputs[:, layer].unsqueeze(2)).sum(1)

    def _backward(self, layer: int, adjoints: Tensor) -> Tensor:
        """Return B(θ)ᵀ times the layer's adjoints, (P, k, ñ/k)."""
        return (self.weights[:, layer] * adjoints[:, layer].unsqueeze(1)).sum(2)


def draw_network(
    generators: Sequence[Generator],
    n: int,
    *,
    layers: int,
    block_size: int,
    hidden_dim: int | None = None,
    dtype: torch.dtype,
) -> BlockNetwork:
    """Draw random permutations, and blocks uniformly distributed over the orthogonal matrices.

    Args:
        generators: one for each individual; each draws its own.
        n: length of the vectors.
        layers: N >= 0.
        block_size: k >= 1.
        hidden_dim: ñ, a multiple of k and at least n; None for `padded_dimension`.
        dtype: precision.

    Raises:
        UsageError: for numbers that do not fit.
    """
    k = block_size
    hidden = hidden_size(n, layers=layers, block_size=k, hidden_dim=hidden_dim)
    device, blocks = generators[0].device, hidden // k
    weights = torch.empty(len(generators), layers, k, k, blocks, device=device, dtype=dtype)
    permutations = torch.empty(len(generators), layers, hidden, device=device, dtype=torch.int32)
    embedding_index = _positions(torch.arange(n, device=device), k, blocks).repeat(len(generators), 1)
    with single_thread():  # the chunks are too small to be divided among threads
        for generator, theta, permutation, embedding in zip(
            generators, weights, permutations, embedding_index, strict=True
        ):
            _draw_permutations(generator, permutation, k)
            _draw_weights(generator, theta)
            if layers:
                embedding.copy_(torch.argsort(permutation[0])[embedding])
    return BlockNetwork(weights, permutations, embedding_index.int())


def hidden_size(n: int, *, layers: int, block_size: int, hidden_dim: int | None) -> int:
    """Return ñ; the arguments are those of `draw_network`.

    Raises:
        UsageError: for numbers that do not fit.
    """
    if layers < 0 or block_size < 1:
        raise UsageError(f"layers = {layers} must be >= 0 and block_size = {block_size} >= 1")
    hidden = padded_dimension(n, block_size) if hidden_dim is None else hidden_dim
    if hidden % block_size or hidden < n:
        raise UsageError(f"hidden_dim = {hidden} must be a multiple of block_size = {block_size} and >= {n}")
    return hidden


def random_orthogonal(generator: Generator, count: int, size: int, dtype: torch.dtype) -> Tensor:
    """Draw matrices that are uniformly distributed over the orthogonal ones: (size, size, count)."""
    gaussian = torch.randn(count, size, size, generator=generator, device=generator.device, dtype=dtype)
    result = gaussian.new_empty(size, size, count)
    for chunk, part in zip(torch.split(gaussian, _CHUNK), torch.split(result, _CHUNK, 2), strict=True):
        part.copy_(_orthogonalize(chunk.permute(2, 1, 0)))
    return result


def _draw_permutations(generator: Generator, permutations: Tensor, k: int) -> None:
    hidden = permutations.shape[1]
    for row in permutations:
        # Entry j of a layer's input is entry order[j] of the previous layer's output.
        order = torch.randperm(hidden, generator=generator, device=permutations.device)
        row.view(k, -1).copy_(_positions(order, k, hidden // k).view(-1, k).T)


def _draw_weights(generator: Generator, weights: Tensor) -> None:
    _, k, _, blocks = weights.shape
    for layer in weights:
        layer.copy_(random_orthogonal(generator, blocks, k, weights.dtype))


def _positions(entries: Tensor, k: int, blocks: int) -> Tensor:
    """Return the positions of entries of a signal; see `BlockNetwork`."""
    return (entries % k) * blocks + entries // k


def _orthogonalize(matrices: Tensor) -> Tensor:
    """Orthonormalize the columns of many matrices, (column, row, matrix), by the Gram-Schmidt process.

    It maps Gaussian matrices to matrices that are uniformly distributed over the orthogonal ones. Each column is
    orthogonalized twice: once is not precise enough for columns that are nearly parallel.
    """
    columns: list[Tensor] = []
    for column in matrices:
        for _ in range(2):
            for previous in columns:
                column = column - (column * previous).sum(0) * previous
        columns.append(column / column.square().sum(0).sqrt())
    return torch.stack(columns)
