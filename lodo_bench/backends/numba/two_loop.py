"""L-BFGS's two-loop recursion, compiled by Numba for CPUs."""

from __future__ import annotations

from lodo_bench.backends.numba.jit import jit


@jit
def two_loop(gradients, steps, changes, curvatures, scales, newest, known, weights, directions):
    """Directions (P, n) from `gradients` (P, n); see `lodo_bench.optimizers.lbfgs.LBFGS`.

    Of the pairs (h, P, n) in ring buffers, `known` >= 1 are there, the last in row `newest`. `curvatures` (h, P, 1)
    are s · y, `scales` (P, 1) what the middle of the recursion is scaled by, `weights` (h,) memory.
    """
    history, population, n = steps.shape
    for p in range(population):
        direction = directions[p]
        for j in range(n):
            direction[j] = -gradients[p, j]
        for age in range(known):
            row = (newest - age) % history
            weights[age] = _dot(steps[row, p], direction) / curvatures[row, p, 0]
            for j in range(n):
                direction[j] -= weights[age] * changes[row, p, j]
        for j in range(n):
            direction[j] *= scales[p, 0]
        for age in range(known - 1, -1, -1):
            row = (newest - age) % history
            back = _dot(changes[row, p], direction) / curvatures[row, p, 0]
            for j in range(n):
                direction[j] += (weights[age] - back) * steps[row, p, j]


@jit
def _dot(x, y):
    total = x[0] * y[0]
    for j in range(1, len(x)):
        total += x[j] * y[j]
    return total
