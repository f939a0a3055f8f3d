"""The noisy quadratic's evaluation in one pass over H, compiled by Numba for CPUs."""

from __future__ import annotations

from lodo_bench.backends.numba.jit import jit


@jit
def _evaluate_one(hessian, x, center, gradient):
    """The loss; row by row, which H's symmetry allows, and in the order of the rows, whoever else is evaluated."""
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
    """Losses (P,) and gradients (P, n) at `points` (P, n), around `centers` (P, n).

    `hessians` (P, m, m) may be padded, m >= n.
    """
    for p in range(len(points)):
        losses[p] = _evaluate_one(hessians[p], points[p], centers[p], gradients[p])


@jit
def quadratic(data, p, k, x, gradient):
    """See `lodo_bench.backends.compiled_loop.CompiledStep`; data are H as above, the centre's walk (steps, P, n), and where step 0 is."""
    hessians, walk, start = data
    return _evaluate_one(hessians[p], x, walk[start + k, p], gradient)
