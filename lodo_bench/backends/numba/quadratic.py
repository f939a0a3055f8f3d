"""The evaluation of the noisy quadratic in one pass over H."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lodo_bench.backends.compiled_loop import Batches, CompiledStep
from lodo_bench.backends.numba.jit import jit
from lodo_bench.tasks.quadratic import Quadratic


@jit
def _evaluate_one(hessian, x, center, gradient):
    """Return the loss and fill the gradient, row by row, which H's symmetry allows.

    The order of the sums is that of the rows, whatever the size of the population.
    """
    n = len(x)
    gradient[:] = 0
    for row in range(n):
        offset = x[row] - center[row]
        for column in range(n):
            gradient[column] += offset * hessian[row, column]
    total = gradient[0] * (x[0] - center[0])
    for row in range(1, n):
        total += gradient[row] * (x[row] - center[row])
    return total / 2


@jit
def evaluate_all(hessians, points, centers, losses, gradients):
    """Fill losses (P,) and gradients (P, n) at `points` (P, n), around `centers` (P, n).

    `hessians` (P, m, m) may be padded, m >= n.
    """
    for p in range(len(points)):
        losses[p] = _evaluate_one(hessians[p], points[p], centers[p], gradients[p])


@jit
def quadratic(data, p, k, x, gradient):
    """Evaluate one individual; data are H as above, the centers (steps, P, n), and the row of step 0's center."""
    hessians, centers, start = data
    return _evaluate_one(hessians[p], x, centers[start + k, p], gradient)


class NumbaQuadraticEvaluation:
    """The evaluation of `lodo_bench.tasks.quadratic.QuadraticEvaluation`, compiled."""

    def __init__(self, hessian: Tensor, centers: Tensor) -> None:
        # Arrays, taken once: taking one costs as much as evaluating the loss.
        self._hessian, self._centers = hessian.numpy(), list(centers.numpy())

    def __call__(self, step: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (P,) and gradients (P, n) at `x` (P, n) around the centers of row `step`."""
        center = self._centers[step]
        loss, gradient = np.empty(len(center), center.dtype), np.empty_like(center)
        evaluate_all(self._hessian, x.numpy(), center, loss, gradient)
        return torch.from_numpy(loss), torch.from_numpy(gradient)


def quadratic_batches(task: Quadratic) -> Batches:
    """Return the compiled batches of the noisy quadratic."""

    def batches(limit: int) -> tuple[CompiledStep, int]:
        start, count = task.skip_batches(limit)
        return CompiledStep.of(quadratic, task.padded_hessian, task.walk, start), count

    return batches
