"""The kernel of PyTorch's own operations: the reference, for every device and precision."""

from __future__ import annotations

from itertools import pairwise
from typing import final

import torch
from torch import Tensor

from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.lodo.kernels.base import BlockNetwork, Trace, outer_products
from lodo_bench.optimizers.lodo.preconditioner import Descent


@final
class TorchKernel:
    """See `BlockKernel`. A layer is one elementwise product and one short sum over all blocks of all individuals."""

    name = "torch"

    def __init__(self, network: BlockNetwork) -> None:
        self._weights = network.weights
        population, self._layers, self._k, _, self._blocks = network.weights.shape
        # Places in the flattened signals (P, ñ), so that a layer's permutation of everybody is one indexing.
        hidden = self._k * self._blocks
        start = torch.arange(population, device=network.orders.device).unsqueeze(1) * hidden
        self._orders = [(start + order).flatten() for order in network.orders.unbind(1)]
        self._inverses = [torch.argsort(order) for order in self._orders]
        self._exit = (start + network.entrance).flatten()
        self._entrance = (start * self._layers + network.entrance).flatten()
        self._applied, self._pushed = Trace(self._weights), Trace(self._weights)
        self._gradient = torch.empty_like(self._weights)

    def apply(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, self._applied)

    def product(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        return self._pass(vector, self._pushed)

    def weight_gradient(self, vector: Tensor) -> Tensor:
        """See `BlockKernel`."""
        self._pass(vector, self._pushed)
        return outer_products(self._applied, self._pushed, self._gradient)

    def learn(self, gradient: Tensor, descent: Descent, moments: AdamMoments) -> None:
        """See `BlockKernel`."""
        hypergradient = self.weight_gradient(gradient * -descent.scale)
        moments.descend(self._weights, hypergradient, descent.meta_rate.view(-1, 1, 1, 1, 1))

    def _pass(self, vector: Tensor, trace: Trace) -> Tensor:
        # The entries that pad the vector are zero in the trace from the start and stay so.
        trace.inputs.view(-1).index_copy_(0, self._entrance, vector.flatten())
        for layer, following in pairwise(range(self._layers)):
            signal = self._forward(layer, trace)
            trace.inputs[:, following] = signal.view(-1)[self._orders[following]].view_as(signal)
        trace.adjoints[:, -1] = self._forward(self._layers - 1, trace)
        for layer, following in pairwise(range(self._layers - 1, -1, -1)):
            signal = self._backward(layer, trace)
            trace.adjoints[:, following] = signal.view(-1)[self._inverses[layer]].view_as(signal)
        return self._backward(0, trace).view(-1)[self._exit].view_as(vector)

    def _forward(self, layer: int, trace: Trace) -> Tensor:
        return (self._weights[:, layer] * trace.inputs[:, layer].unsqueeze(2)).sum(1)

    def _backward(self, layer: int, trace: Trace) -> Tensor:
        return (self._weights[:, layer] * trace.adjoints[:, layer].unsqueeze(1)).sum(2)
