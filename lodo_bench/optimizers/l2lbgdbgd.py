"""Learning to learn by gradient descent by gradient descent: an optimizer that is a recurrent network (LODO §5.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from torch import Generator, Tensor

from lodo_bench.optimizers.base import MetaTrained, Oracle
from lodo_bench.spec.options import Value

HIDDEN = 20
OUTPUT_SCALE = 0.1
_PREPROCESSING = 10.0  # p; gradients below exp(−p) are told apart by their size, those above by its logarithm
_LOG_OFFSET = 1e-8

# The weights, in the order in which they lie in a flat vector: two layers of LSTM, each a matrix from (input, own last
# output) to its four gates and a bias, and the output.
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
    """What the network sees of a gradient: (..., n) -> (..., n, 2).

    (ln|g| / p, sign g) where |g| >= exp(−p), else (−1, exp(p) g); p = 10. (Andrychowicz et al. 2016, appendix A.)
    """
    size = gradient.abs()
    large = size >= math.exp(-_PREPROCESSING)
    first = torch.where(large, (size + _LOG_OFFSET).log() / _PREPROCESSING, -1.0)
    second = torch.where(large, gradient.sign(), gradient * math.exp(_PREPROCESSING))
    return torch.stack((first, second), dim=-1)


@final
class L2LBGDBGD(MetaTrained):
    """L2LBGDBGD: every coordinate is moved by the same small recurrent network, trained beforehand to do that well.

    Update rule, coordinate by coordinate, with the LSTM's own state for each::

        x <- x + 0.1 · output(LSTM₂(LSTM₁(features(g))))

    The LSTMs have 20 hidden units. The network is meta-trained on problems of the task's kind (see
    `lodo_bench.training.meta`) and stays as it is while it optimizes. One that has learned nothing starts with weights
    uniform in ±1/√20, drawn for each individual.

    Reference:
        Andrychowicz et al., "Learning to learn by gradient descent by gradient descent", NeurIPS 2016; LODO §5.1.
        Deviation: one bias for each gate, where PyTorch's LSTM, which the authors used, has two that add up.
    """

    hyperparameters = ()
    complexity = "O(n)"
    reference = "Andrychowicz et al., NeurIPS 2016"
    state_names = ("_outputs", "_cells")

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        uniform = [torch.rand(WEIGHTS, generator=g, device=g.device, dtype=x.dtype) for g in generators]
        self.set_weights((2 * torch.stack(uniform) - 1) / HIDDEN**0.5)
        self._outputs = [x.new_zeros(*x.shape, HIDDEN) for _ in range(2)]
        self._cells = [x.new_zeros(*x.shape, HIDDEN) for _ in range(2)]

    def load_weights(self, learned: bytes) -> None:
        """See `MetaTrained.recall`."""
        weights = torch.from_numpy(np.frombuffer(learned, dtype="<f8").astype(np.float64))
        self.set_weights(weights.to(self.x).expand(len(self.x), -1))

    def set_weights(self, weights: Tensor) -> None:
        """See `MetaTrained.use`."""
        parts = torch.split_with_sizes(weights, [rows * columns for rows, columns in _SHAPES], dim=1)
        pairs = zip(parts, _SHAPES, strict=True)
        self._weights = [part.reshape(len(weights), *shape).contiguous() for part, shape in pairs]
        self.weights = weights

    def step(self, gradient: Tensor, oracle: Oracle) -> None:
        """Update `x` in place; see `Optimizer.step`."""
        with torch.no_grad():
            self.x.add_(self.compute_update(gradient))

    def compute_update(self, gradient: Tensor) -> Tensor:
        """See `MetaTrained.propose`."""
        matrix1, bias1, matrix2, bias2, output, offset = self._weights
        self._advance(0, features(gradient), matrix1, bias1)
        self._advance(1, self._outputs[0], matrix2, bias2)
        # Not a matrix product, which would round by the place of an individual in its population.
        return ((self._outputs[1] * output).sum(2) + offset[:, 0]).mul(OUTPUT_SCALE)

    def detach_state(self) -> None:
        """See `MetaTrained.detach_state`."""
        self._outputs = [state.detach() for state in self._outputs]
        self._cells = [state.detach() for state in self._cells]

    def _advance(self, layer: int, inputs: Tensor, matrix: Tensor, bias: Tensor) -> None:
        """One step of one LSTM, (P, n, in) -> (P, n, HIDDEN)."""
        gates = torch.baddbmm(bias, torch.cat((inputs, self._outputs[layer]), dim=2), matrix)
        admit, forget, candidate, emit = gates.chunk(4, dim=2)
        cell = forget.sigmoid() * self._cells[layer] + admit.sigmoid() * candidate.tanh()
        self._cells[layer] = cell
        self._outputs[layer] = emit.sigmoid() * cell.tanh()
