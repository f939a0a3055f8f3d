"""LODO's preconditioner: a deep linear network of small blocks and fixed permutations (LODO §3, eq. 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.compute.threads import single_thread
from lodo_bench.errors import UsageError
from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.lodo.kernels import BlockKernel, BlockNetwork, FusedBlockKernel, build_kernel
from lodo_bench.optimizers.lodo.meta import MetaOptimizer
from lodo_bench.optimizers.lodo.preconditioner import Descent, Preconditioner

# So many blocks are made orthogonal at once: they stay in the cache.
_PIECE = 4096


def padded_dimension(n: int, block_size: int) -> int:
    """The hidden dimension ñ: the smallest multiple of the block size that is at least 2n.

    The authors' code always adds one block more (204 instead of 200 for n = 100, k = 4).
    """
    return -(-2 * n // block_size) * block_size


@final
class BlockPreconditioner(Preconditioner):
    """S = (I 0) G̃ᵀ G̃ (I 0)ᵀ for P individuals, G̃ a product of N layers B(θ⁽ⁱ⁾) P_i.

    (I 0)ᵀ pads a vector of n entries with zeros to ñ. P_i is a fixed random permutation, B block-diagonal with ñ/k
    blocks of k×k, all starting as random orthogonal matrices. So S is symmetric and positive semi-definite for every θ,
    and the identity at the start. LODO's G is α₀ S. With N = 0 layers S is the identity for good.

    Cost: 2 N ñ k multiplications for each application; N ñ k weights for each individual (128 n with the defaults).

    The arithmetic is a kernel's (see `lodo_bench.optimizers.lodo.kernels`).

    Args:
        network: the weights and the permutations, as `draw_network` makes them.

    Attributes:
        network: as given.
        weights: θ, (P, N, k, k, ñ/k), input entry before output entry; change it in place only.
        orders, entrance: the permutations of the network.
        kernel: what computes with them; None without layers.
    """

    # The same seed need not draw the same permutations with another version of PyTorch, or on another device.
    state_names = ("orders", "entrance")

    def __init__(self, network: BlockNetwork) -> None:
        self.network = network
        self.weights, self.orders, self.entrance = network.weights, network.orders, network.entrance
        self._use(build_kernel(network) if network.weights.shape[1] else None)

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """See `Checkpointable.restore`."""
        super().load_state_dict(state, device)
        if self.kernel is not None:
            self._use(type(self.kernel)(self.network))  # as kernels prepare what they need of the permutations

    def _use(self, kernel: BlockKernel | None) -> None:
        self.kernel = kernel
        self._fused = kernel if isinstance(kernel, FusedBlockKernel) else None

    def apply(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.apply`."""
        return vector if self.kernel is None else self.kernel.apply(vector)

    def product(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.product`."""
        return vector if self.kernel is None else self.kernel.product(vector)

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.weight_gradient`; (P, N, k, k, ñ/k)."""
        return self.weights if self.kernel is None else self.kernel.weight_gradient(vector)

    def spread(self, values: Tensor) -> Tensor:
        """See `Preconditioner.spread`; (P, 1, 1, 1, 1)."""
        return values.view(-1, 1, 1, 1, 1)

    def learn(self, gradient: Tensor, descent: Descent, meta: MetaOptimizer) -> None:
        """See `Preconditioner.learn`."""
        if self.kernel is not None and isinstance(meta, AdamMoments):
            self.kernel.learn(gradient, descent, meta)
        else:
            super().learn(gradient, descent, meta)

    def move(self, gradient: Tensor, descent: Descent) -> None:
        """See `Preconditioner.move`."""
        if self._fused is None:
            super().move(gradient, descent)
        else:
            self._fused.move(gradient, descent)

    def step(self, gradient: Tensor, descent: Descent, meta: MetaOptimizer) -> None:
        """See `Preconditioner.step`."""
        if self._fused is not None and isinstance(meta, AdamMoments):
            self._fused.step(gradient, descent, meta)
        else:
            super().step(gradient, descent, meta)

    def is_compiled_with(self, meta: MetaOptimizer) -> bool:
        """See `Preconditioner.is_compiled_with`."""
        return self._fused is not None and isinstance(meta, AdamMoments)

    def compiled_steps(self, count: int, descent: Descent, meta: MetaOptimizer) -> CompiledStep:
        """See `Preconditioner.compiled_steps`."""
        assert self._fused is not None and isinstance(meta, AdamMoments), "asked for where there are none"
        return self._fused.compiled_steps(count, descent, meta)


def draw_network(
    generators: Sequence[Generator],
    n: int,
    *,
    layers: int,
    block_size: int,
    hidden_dim: int | None = None,
    dtype: torch.dtype,
) -> BlockNetwork:
    """Random permutations, and blocks that are uniform over the orthogonal matrices.

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
    if layers < 0 or k < 1:
        raise UsageError(f"layers = {layers} must be >= 0 and block_size = {k} >= 1")
    hidden = padded_dimension(n, k) if hidden_dim is None else hidden_dim
    if hidden % k or hidden < n:
        raise UsageError(f"hidden_dim = {hidden} must be a multiple of block_size = {k} and >= {n}")
    device, blocks = generators[0].device, hidden // k
    weights = torch.empty(len(generators), layers, k, k, blocks, device=device, dtype=dtype)
    orders = torch.empty(len(generators), layers, hidden, device=device, dtype=torch.int32)
    entrance = _places(torch.arange(n, device=device), k, blocks).repeat(len(generators), 1)
    with single_thread():  # the pieces are too small to share
        for generator, theta, order, way_in in zip(generators, weights, orders, entrance, strict=True):
            _draw_orders(generator, order, k)
            _draw_weights(generator, theta)
            if layers:
                way_in.copy_(torch.argsort(order[0])[way_in])
    return BlockNetwork(weights, orders, entrance.int())


def _draw_orders(generator: Generator, orders: Tensor, k: int) -> None:
    hidden = orders.shape[1]
    for row in orders:
        # Entry j of a layer's input is entry order[j] of the output of the layer before.
        order = torch.randperm(hidden, generator=generator, device=orders.device)
        row.view(k, -1).copy_(_places(order, k, hidden // k).view(-1, k).T)


def _draw_weights(generator: Generator, weights: Tensor) -> None:
    _, k, _, blocks = weights.shape
    for layer in weights:
        gaussian = torch.randn(blocks, k, k, generator=generator, device=weights.device, dtype=weights.dtype)
        for piece, result in zip(torch.split(gaussian, _PIECE), torch.split(layer, _PIECE, 2), strict=True):
            result.copy_(_orthogonalized(piece.permute(2, 1, 0)))


def _places(entries: Tensor, k: int, blocks: int) -> Tensor:
    """Where entries of a signal lie; see `BlockNetwork`."""
    return (entries % k) * blocks + entries // k


def _orthogonalized(matrices: Tensor) -> Tensor:
    """The columns of many matrices, (column, row, matrix), made orthonormal in their order by Gram and Schmidt.

    Of Gaussian matrices this makes matrices that are uniform over the orthogonal ones. Each column is made orthogonal
    twice, as once is not precise enough for columns that are nearly parallel.
    """
    columns: list[Tensor] = []
    for column in matrices:
        for _ in range(2):
            for former in columns:
                column = column - (column * former).sum(0) * former
        columns.append(column / column.square().sum(0).sqrt())
    return torch.stack(columns)
