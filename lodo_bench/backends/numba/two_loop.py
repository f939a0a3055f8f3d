"""The two-loop recursion of L-BFGS."""

from __future__ import annotations

import torch
from torch import Tensor

from lodo_bench.backends.numba.jit import jit


class NumbaTwoLoopRecursion:
    """The recursion of `lodo_bench.optimizers.lbfgs.TwoLoopRecursion`, compiled."""

    def __init__(self, s: Tensor, y: Tensor, sy: Tensor) -> None:
        self._memory = s.numpy(), y.numpy(), sy.numpy()
        self._alpha = s.new_empty(len(s)).numpy()

    def __call__(self, gradient: Tensor, gamma: Tensor, newest: int, num_pairs: int) -> Tensor:
        """Return the directions, (P, n)."""
        direction = torch.empty_like(gradient)
        two_loop(gradient.numpy(), *self._memory, gamma.numpy(), newest, num_pairs, self._alpha, direction.numpy())
        return direction


@jit
def two_loop(gradients, s, y, sy, gammas, newest, num_pairs, alpha, directions):
    """Fill `directions` (P, n); `alpha` (h,) is workspace, and `num_pairs` >= 1.

    `s` and `y` (h, P, n) and `sy` (h, P, 1) are ring buffers whose last pair is in row `newest`.
    """
    history, population, n = s.shape
    for p in range(population):
        direction = directions[p]
        for j in range(n):
            direction[j] = -gradients[p, j]
        for age in range(num_pairs):
            row = (newest - age) % history
            alpha[age] = _dot(s[row, p], direction) / sy[row, p, 0]
            for j in range(n):
                direction[j] -= alpha[age] * y[row, p, j]
        for j in range(n):
            direction[j] *= gammas[p, 0]
        for age in range(num_pairs - 1, -1, -1):
            row = (newest - age) % history
            beta = _dot(y[row, p], direction) / sy[row, p, 0]
            for j in range(n):
                direction[j] += (alpha[age] - beta) * s[row, p, j]


@jit
def _dot(x, y):
    total = x[0] * y[0]
    for j in range(1, len(x)):
        total += x[j] * y[j]
    return total
