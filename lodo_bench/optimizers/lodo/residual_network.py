"""A deep linear network of residual layers, each a diagonal matrix and a fixed permutation (LODO §5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.lodo.preconditioner import Preconditioner


@final
class ResidualPreconditioner(Preconditioner):
    """S = (I 0) G̃ᵀ D G̃ (I 0)ᵀ with G̃ a product of N layers I + diag(w_i) P_i and D a diagonal, starting at ones.

    (I 0)ᵀ pads a vector of n entries with zeros to ñ = 2n. The P_i are fixed random permutations. The w_i start as
    N(0, init_scale² / N): with many layers the network starts near the identity if init_scale is well below 1.

    Deviation: the authors' code has init_scale = 1, where S starts far from I (‖S − I‖_F / √n is about 3.3).

    Args:
        generators: one for each individual; each draws its own permutations and weights.
        like: (P, n), of the dtype of the vectors.
        layers: N >= 1.
        init_scale: see above, >= 0.

    Attributes:
        weights: (N + 1, P, ñ), the rows w_1 ... w_N and D.

    Reference:
        LODO-Residuals in LODO §5.3.
    """

    def __init__(self, generators: Sequence[Generator], like: Tensor, *, layers: int, init_scale: float) -> None:
        self._population, self._n = like.shape
        self._layers, hidden = layers, 2 * self._n
        orders, rows = [], []
        for generator in generators:
            device = generator.device
            orders.append(
                torch.stack([torch.randperm(hidden, generator=generator, device=device) for _ in range(layers)])
            )
            noise = torch.randn(layers, hidden, generator=generator, device=device, dtype=like.dtype)
            rows.append(torch.cat((noise * (init_scale / layers**0.5), noise.new_ones(1, hidden))))
        self.weights = torch.stack(rows, dim=1)
        # Positions in the flattened (P, ñ), so that one index operation permutes the signals of all individuals.
        start = hidden * torch.arange(self._population, device=like.device).unsqueeze(1)
        self._permutations = [(order + start).flatten() for order in torch.stack(orders, dim=1)]
        self._inverses = [torch.argsort(order) for order in self._permutations]
        self._activations, self._other_activations = self._new_activations(), self._new_activations()
        self._gradient = torch.empty_like(self.weights)

    def _new_activations(self) -> tuple[Tensor, Tensor]:
        """Return memory for the inputs of each layer's diagonal in the pass through G̃ and in the pass back.

        The last row of the first is the output of G̃; the last of the second is unused.
        """
        return torch.zeros_like(self.weights), torch.zeros_like(self.weights)

    @override
    def forward(self, vector: Tensor) -> Tensor:
        return self._apply(vector, self._activations)

    @override
    def matvec(self, vector: Tensor) -> Tensor:
        return self._apply(vector, self._other_activations)

    @override
    def vjp(self, vector: Tensor) -> Tensor:
        self.matvec(vector)
        (inputs, adjoints), (other_inputs, other_adjoints) = self._activations, self._other_activations
        gradient = torch.mul(inputs, other_adjoints, out=self._gradient).addcmul_(other_inputs, adjoints)
        torch.mul(inputs[-1], other_inputs[-1], out=gradient[-1])
        return gradient

    @override
    def broadcast(self, values: Tensor) -> Tensor:
        return values.unsqueeze(1)

    def _apply(self, vector: Tensor, activations: tuple[Tensor, Tensor]) -> Tensor:
        inputs, adjoints = activations
        signal = self.weights.new_zeros(self._population, 2 * self._n)
        signal[:, : self._n] = vector
        for layer, permutation in enumerate(self._permutations):
            torch.index_select(signal.view(-1), 0, permutation, out=inputs[layer].view(-1))
            signal = torch.addcmul(signal, self.weights[layer], inputs[layer])
        inputs[-1].copy_(signal)
        signal = signal * self.weights[-1]
        for layer in reversed(range(self._layers)):
            adjoints[layer].copy_(signal)
            back = (self.weights[layer] * signal).view(-1).index_select(0, self._inverses[layer])
            signal = signal + back.view_as(signal)
        return signal[:, : self._n]
