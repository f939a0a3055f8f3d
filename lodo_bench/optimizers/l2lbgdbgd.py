"""Learning to learn by gradient descent by gradient descent: a recurrent network as the optimizer (LODO §5.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import MetaTrained, Oracle

HIDDEN = 20
OUTPUT_SCALE = 0.1
_PREPROCESSING = 10.0  # p; gradients below exp(−p) enter by their value, those above by their logarithm
_LOG_OFFSET = 1e-8

# The weights, in the order of the flat vector: two LSTM layers, each with a matrix from (input, previous output) to the
# four gates and a bias, and the output layer.
_SHAPES = (
    (2 + HIDDEN, 4 * HIDDEN),
    (1, 4 * HIDDEN),
    (2 * HIDDEN, 4 * HIDDEN),
    (1, 4 * HIDDEN),
    (1, HIDDEN),
    (1, 1),
)
WEIGHTS = sum(rows * columns for rows, columns in _SHAPES)


def features(gradient: Tensor) -> Tensor:
    """Return the network's inputs for a gradient, (..., n) -> (..., n, 2).

    (ln|g| / p, sign g) where |g| >= exp(−p), else (−1, exp(p) g); p = 10. (Andrychowicz et al. 2016, appendix A.)
    """
    size = gradient.abs()
    large = size >= math.exp(-_PREPROCESSING)
    first = torch.where(large, (size + _LOG_OFFSET).log() / _PREPROCESSING, -1.0)
    second = torch.where(large, gradient.sign(), gradient * math.exp(_PREPROCESSING))
    return torch.stack((first, second), dim=-1)


@final
class L2LBGDBGD(MetaTrained):
    """L2LBGDBGD: one small recurrent network, trained beforehand, computes the update of every coordinate.

    Update rule, for each coordinate, with an LSTM state of its own::

        x <- x + 0.1 · output(LSTM₂(LSTM₁(features(g))))

    The LSTMs have 20 hidden units. The network is meta-trained on problems of the same task (see
    `lodo_bench.training.meta`) and remains fixed while it optimizes. Untrained weights are uniform in ±1/√20, drawn for
    each individual.

    Reference:
        Andrychowicz et al., "Learning to learn by gradient descent by gradient descent", NeurIPS 2016; LODO §5.1.
        Deviation: one bias for each gate, where PyTorch's LSTM, which the authors used, has two that add up.
    """

    hyperparameters = ()
    is_random = False
    complexity = "O(n)"
    reference = "Andrychowicz et al., NeurIPS 2016"
    state_names = ("_outputs", "_cells")

    @override
    def init_state(self, generators: Sequence[Generator]) -> None:
        uniform = [torch.rand(WEIGHTS, generator=g, device=g.device, dtype=self.x.dtype) for g in generators]
        self.set_weights((2 * torch.stack(uniform) - 1) / HIDDEN**0.5)
        self._outputs = [self.x.new_zeros(*self.x.shape, HIDDEN) for _ in range(2)]
        self._cells = [self.x.new_zeros(*self.x.shape, HIDDEN) for _ in range(2)]

    @override
    def load_weights(self, weights: bytes) -> None:
        numbers = torch.from_numpy(np.frombuffer(weights, dtype="<f8").astype(np.float64))
        self.set_weights(numbers.to(self.x).expand(len(self.x), -1))

    @override
    def set_weights(self, weights: Tensor) -> None:
        parts = torch.split_with_sizes(weights, [rows * columns for rows, columns in _SHAPES], dim=1)
        pairs = zip(parts, _SHAPES, strict=True)
        self._weights = [part.reshape(len(weights), *shape).contiguous() for part, shape in pairs]
        self.weights = weights

    @override
    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        with torch.no_grad():
            self.x.add_(self.compute_update(gradient))

    @override
    def compute_update(self, gradient: Tensor) -> Tensor:
        matrix1, bias1, matrix2, bias2, output, offset = self._weights
        self._advance(0, features(gradient), matrix1, bias1)
        self._advance(1, self._outputs[0], matrix2, bias2)
        # Not a matrix product, whose rounding depends on the position of an individual in the population.
        return ((self._outputs[1] * output).sum(2) + offset[:, 0]).mul(OUTPUT_SCALE)

    @override
    def detach_state(self) -> None:
        self._outputs = [state.detach() for state in self._outputs]
        self._cells = [state.detach() for state in self._cells]

    def _advance(self, layer: int, inputs: Tensor, matrix: Tensor, bias: Tensor) -> None:
        """Advance one LSTM by one step, (P, n, in) -> (P, n, HIDDEN)."""
        gates = torch.baddbmm(bias, torch.cat((inputs, self._outputs[layer]), dim=2), matrix)
        input_gate, forget_gate, cell_gate, output_gate = gates.chunk(4, dim=2)
        cell = forget_gate.sigmoid() * self._cells[layer] + input_gate.sigmoid() * cell_gate.tanh()
        self._cells[layer] = cell
        self._outputs[layer] = output_gate.sigmoid() * cell.tanh()
