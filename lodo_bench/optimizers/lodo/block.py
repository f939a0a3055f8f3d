"""LODO's preconditioner: a deep linear network of small blocks and fixed permutations (LODO §3, eq. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Generator, Tensor

from lodo_bench.errors import UsageError
from lodo_bench.optimizers.lodo.preconditioner import Preconditioner


def padded_dimension(n: int, block_size: int) -> int:
    """The hidden dimension ñ: the smallest multiple of the block size that is at least 2n.

    The authors' code always adds one block more (204 instead of 200 for n = 100, k = 4).
    """
    return -(-2 * n // block_size) * block_size


class Trace:
    """What one application of the preconditioner leaves behind for the gradient with respect to its weights.

    Attributes:
        inputs: (N, k, P·B), what entered each layer's blocks on the way through G̃.
        adjoints: (N, k, P·B), what entered each layer's transposed blocks on the way back through G̃ᵀ.
        input_rows, adjoint_rows: the same memory as N flat vectors each.
        input_factors, adjoint_factors: the same memory once more, shaped to multiply a layer's blocks, (k, k, P·B).
    """

    def __init__(self, layers: int, block_size: int, columns: int, like: Tensor) -> None:
        self.inputs = like.new_zeros(layers, block_size, columns)
        self.adjoints = torch.zeros_like(self.inputs)
        self.input_rows = self.inputs.flatten(1).unbind(0)
        self.adjoint_rows = self.adjoints.flatten(1).unbind(0)
        self.input_factors = self.inputs.unsqueeze(2).unbind(0)
        self.adjoint_factors = self.adjoints.unsqueeze(1).unbind(0)


@final
class BlockPreconditioner(Preconditioner):
    """S = (I 0) G̃ᵀ G̃ (I 0)ᵀ for P individuals, G̃ a product of N layers B(θ⁽ⁱ⁾) P_i.

    (I 0)ᵀ pads a vector of n entries with zeros to ñ. P_i is a fixed random permutation, B block-diagonal with ñ/k
    blocks of k×k, all starting as random orthogonal matrices. So S is symmetric and positive semi-definite for every θ,
    and the identity at the start. LODO's G is α₀ S. With N = 0 layers S is the identity for good.

    Cost: 2 N ñ k multiplications for each application; N ñ k weights for each individual (128 n with the defaults).

    All P·B blocks (B = ñ/k for each individual) lie side by side in the last axis of every tensor, so that a layer is
    one elementwise product and one short sum over all blocks of all individuals, and the arithmetic of an individual is
    the same for every P. Entry j of individual p's padded vector is at `(j mod k, p·B + j div k)`.

    Args:
        generators: one for each individual; each draws its own permutations and blocks.
        n: length of the vectors.
        layers: N >= 0.
        block_size: k >= 1.
        hidden_dim: ñ, a multiple of k and at least n; None for `padded_dimension`.
        dtype: precision.

    Attributes:
        weights: θ, (N, k, k, P·B), input entry before output entry; change it in place only.
    """

    def __init__(
        self,
        generators: Sequence[Generator],
        n: int,
        *,
        layers: int,
        block_size: int,
        hidden_dim: int | None,
        dtype: torch.dtype,
    ) -> None:
        if layers < 0 or block_size < 1:
            raise UsageError(f"layers = {layers} must be >= 0 and block_size = {block_size} >= 1")
        hidden = padded_dimension(n, block_size) if hidden_dim is None else hidden_dim
        if hidden % block_size or hidden < n:
            raise UsageError(f"hidden_dim = {hidden} must be a multiple of block_size = {block_size} and >= {n}")
        self._population, self._n, self._layers, self._k = len(generators), n, layers, block_size
        self.blocks_each = hidden // block_size
        self._columns = self._population * self.blocks_each
        self._draw(generators, hidden, dtype)
        self._work = self.weights.new_empty(block_size, block_size, self._columns)
        self._signal = self.weights.new_empty(block_size, self._columns)
        self._gradient = torch.empty_like(self.weights)
        self._applied = Trace(layers, block_size, self._columns, self.weights)
        self._pushed = Trace(layers, block_size, self._columns, self.weights)

    def apply(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.apply`."""
        return self._pass(vector, self._applied)

    def product(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.product`."""
        return self._pass(vector, self._pushed)

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `Preconditioner.weight_gradient`; (N, k, k, P·B).

        As S is symmetric, v is pushed back through it by the same pass that took u forward, and each block's gradient
        is the sum of two outer products, one for its place in G̃, one for its place in G̃ᵀ. It needs no autograd graph.
        """
        self._pass(vector, self._pushed)
        applied, pushed = self._applied, self._pushed
        gradient = torch.mul(applied.inputs.unsqueeze(2), pushed.adjoints.unsqueeze(1), out=self._gradient)
        return gradient.addcmul_(pushed.inputs.unsqueeze(2), applied.adjoints.unsqueeze(1))

    def spread(self, values: Tensor) -> Tensor:
        """See `Preconditioner.spread`; (P·B,)."""
        return values.repeat_interleave(self.blocks_each)

    def _pass(self, vector: Tensor, trace: Trace) -> Tensor:
        if not self._layers:
            return vector
        work, signal, flat = self._work, self._signal, self._signal.view(-1)
        # The entries that pad the vector are zero in the trace from the start and stay so.
        trace.input_rows[0].index_copy_(0, self._entrance, vector.flatten())
        for layer, following in pairwise(range(self._layers)):
            torch.mul(self._blocks[layer], trace.input_factors[layer], out=work)
            torch.sum(work, 0, out=signal)
            torch.index_select(flat, 0, self._permutations[following], out=trace.input_rows[following])
        torch.mul(self._blocks[-1], trace.input_factors[-1], out=work)
        torch.sum(work, 0, out=trace.adjoints[-1])
        for layer, following in pairwise(range(self._layers - 1, -1, -1)):
            torch.mul(self._blocks[layer], trace.adjoint_factors[layer], out=work)
            torch.sum(work, 1, out=signal)
            torch.index_select(flat, 0, self._inverses[layer], out=trace.adjoint_rows[following])
        torch.mul(self._blocks[0], trace.adjoint_factors[0], out=work)
        torch.sum(work, 1, out=signal)
        return flat.index_select(0, self._entrance).view(self._population, self._n)

    def _draw(self, generators: Sequence[Generator], hidden: int, dtype: torch.dtype) -> None:
        layers, k, blocks, device = self._layers, self._k, self.blocks_each, generators[0].device
        permutations, weights = [], []
        for generator in generators:
            orders = [torch.randperm(hidden, generator=generator, device=device) for _ in range(layers)]
            permutations.append(torch.stack(orders) if orders else torch.empty(0, hidden, dtype=torch.long))
            gaussian = torch.randn(layers, blocks, k, k, generator=generator, device=device, dtype=dtype)
            q, r = torch.linalg.qr(gaussian)
            # The signs make Q uniform over the orthogonal matrices (Mezzadri 2007).
            weights.append(q * torch.diagonal(r, dim1=-2, dim2=-1).sign().unsqueeze(-2))
        # (P, N, B, out, in) -> (N, in, out, P·B)
        self.weights = torch.stack(weights).permute(1, 4, 3, 0, 2).reshape(layers, k, k, self._columns).contiguous()
        self._blocks = self.weights.unbind(0)
        self._place(torch.stack(permutations, dim=1).to(device))

    def _place(self, permutations: Tensor) -> None:
        """Translate permutations of entries (N, P, ñ) to permutations of places in the flat layout."""
        population, hidden = permutations.shape[1:]
        entry = torch.arange(hidden, device=permutations.device)
        individual = torch.arange(population, device=permutations.device).unsqueeze(1)
        place = (entry % self._k) * self._columns + individual * self.blocks_each + entry // self._k
        flat = place.flatten()
        self._permutations = []
        for layer in permutations:
            order = torch.empty_like(flat)
            order[flat] = place.gather(1, layer).flatten()
            self._permutations.append(order)
        self._inverses = [torch.argsort(order) for order in self._permutations]
        # Where each entry of the vectors is after the first permutation.
        places = place[:, : self._n].reshape(-1)
        self._entrance = self._inverses[0][places] if self._inverses else places
