"""Test functions of nonlinear optimization: formulas, known minima and starting points.

All of them are elementwise operations and sums over a row. Powers are written as products: the rounding of a vectorized
power depends on the position in the population.

References:
    Moré, Garbow and Hillstrom, "Testing Unconstrained Optimization Software", ACM TOMS 7, 1981 (rosenbrock, beale);
    Jamil and Yang, "A Literature Survey of Benchmark Functions for Global Optimization Problems", 2013 (the others).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lodo_bench.tasks.derivatives import PopulationFunction


@dataclass(frozen=True, slots=True)
class AnalyticFunction:
    """A function with a known global minimum.

    Attributes:
        value: x (P, n) -> (P,).
        start: coordinates of the starting point, repeated up to n of them.
        minimizer: coordinates of a global minimizer, repeated likewise.
        others: likewise the other global minimizers, if there are any.
        minimum: the global minimum, divided by n.
        dimension: the only possible n; None if any is possible.
        least_dimension: the smallest possible n.
    """

    value: PopulationFunction
    start: tuple[float, ...]
    minimizer: tuple[float, ...]
    minimum: float = 0.0
    dimension: int | None = None
    least_dimension: int = 1
    others: tuple[tuple[float, ...], ...] = ()


def _ackley(x: Tensor) -> Tensor:
    """Return 20 (1 − exp(−0.2 √(mean x²))) + e − exp(mean cos 2πx), written so that the minimum is exactly 0."""
    distance = torch.linalg.vector_norm(x, dim=1) / math.sqrt(x.shape[1])  # its subgradient at 0 is 0
    waves = torch.cos(2 * math.pi * x).mean(1)
    return -20 * torch.expm1(-0.2 * distance) - math.e * torch.expm1(waves - 1)


def _beale(x: Tensor) -> Tensor:
    """Return Σ over k = 1, 2, 3 of (c_k − x (1 − yᵏ))², with c = 1.5, 2.25, 2.625."""
    first, second = x.unbind(1)
    square = second * second
    return (
        (1.5 - first * (1 - second)).square()
        + (2.25 - first * (1 - square)).square()
        + (2.625 - first * (1 - square * second)).square()
    )


def _booth(x: Tensor) -> Tensor:
    """Return (x + 2y − 7)² + (2x + y − 5)²."""
    first, second = x.unbind(1)
    return (first + 2 * second - 7).square() + (2 * first + second - 5).square()


def _himmelblau(x: Tensor) -> Tensor:
    """Return (x² + y − 11)² + (x + y² − 7)²."""
    first, second = x.unbind(1)
    return (first * first + second - 11).square() + (first + second * second - 7).square()


def _levy(x: Tensor) -> Tensor:
    """Return, with w = 1 + (x − 1) / 4, the sum of three terms.

    sin²(πw_1); Σ over i < n of (w_i − 1)² (1 + 10 sin²(πw_i + 1)); (w_n − 1)² (1 + sin²(2πw_n)).
    """
    w = 1 + (x - 1) / 4
    head, body, last = w[:, 0], w[:, :-1], w[:, -1]
    total = torch.sin(math.pi * (head - 1)).square() + (last - 1).square() * (
        1 + torch.sin(2 * math.pi * last).square()
    )
    return total + ((body - 1).square() * (1 + 10 * torch.sin(math.pi * body + 1).square())).sum(1)


def _rastrigin(x: Tensor) -> Tensor:
    """Return Σ x² + 10 (1 − cos 2πx)."""
    return (x.square() + 10 * (1 - torch.cos(2 * math.pi * x))).sum(1)


def _rosenbrock(x: Tensor) -> Tensor:
    """Return Σ over i < n of 100 (x_{i+1} − x_i²)² + (1 − x_i)²."""
    before, after = x[:, :-1], x[:, 1:]
    return (100 * (after - before.square()).square() + (1 - before).square()).sum(1)


def _styblinski_tang(x: Tensor) -> Tensor:
    """Return ½ Σ x⁴ − 16 x² + 5 x."""
    square = x.square()
    return 0.5 * (square * square - 16 * square + 5 * x).sum(1)


# The smallest root of 4 x³ − 32 x + 5, twice the derivative of one term, and the value there.
_STYBLINSKI_TANG = (-2.9035340277711771, -39.166165703771416)

FUNCTIONS: Mapping[str, AnalyticFunction] = {
    "rosenbrock": AnalyticFunction(_rosenbrock, (-1.2, 1.0), (1.0,), least_dimension=2),
    "ackley": AnalyticFunction(_ackley, (4.3, -3.6), (0.0,)),
    "beale": AnalyticFunction(_beale, (1.0, 1.0), (3.0, 0.5), dimension=2),
    "booth": AnalyticFunction(_booth, (-5.0, 5.0), (1.0, 3.0), dimension=2),
    "himmelblau": AnalyticFunction(
        _himmelblau,
        (0.0, 0.0),
        (3.0, 2.0),
        dimension=2,
        others=(
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.283185991286169),
            (3.5844283403304917, -1.8481265269644034),
        ),
    ),
    "levy": AnalyticFunction(_levy, (-4.0, 3.0), (1.0,)),
    "rastrigin": AnalyticFunction(_rastrigin, (3.3, -2.7), (0.0,)),
    "styblinski-tang": AnalyticFunction(
        _styblinski_tang, (0.0, 1.0), _STYBLINSKI_TANG[:1], minimum=_STYBLINSKI_TANG[1]
    ),
}
"""The functions by name, the default first."""
