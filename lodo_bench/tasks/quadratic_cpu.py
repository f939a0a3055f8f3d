"""The noisy quadratic's evaluation in one pass over H, compiled by Numba for CPUs."""

from __future__ import annotations

import numba


@numba.njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def evaluate(hessians, points, centers, losses, gradients):
    """Losses (P,) and gradients (P, n) at `points` (P, n), around `centers` (P, n).

    `hessians` (P, m, m) may be padded, m >= n. Row by row, which H's symmetry allows, and in the order of the rows, so
    that the rounding depends on the individual alone.
    """
    population, n = points.shape
    for p in range(population):
        gradients[p, :] = 0
        for row in range(n):
            offset = points[p, row] - centers[p, row]
            for column in range(n):
                gradients[p, column] += offset * hessians[p, row, column]
        total = gradients[p, 0] * (points[p, 0] - centers[p, 0])
        for row in range(1, n):
            total += gradients[p, row] * (points[p, row] - centers[p, row])
        losses[p] = total / 2
