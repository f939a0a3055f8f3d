"""Spectra of quadratics: sets of n eigenvalues between a smallest and a largest one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

_CLUSTERS = 4
_OUTLIERS_PER_EIGENVALUE = 0.1


def eigenvalues(spectrum: str, count: int, low: float, high: float) -> Tensor:
    """Return the eigenvalues of a spectrum in ascending order, as float64 (count,).

    Args:
        spectrum: one of `SPECTRA`.
        count: n >= 1; for n = 1 the eigenvalue is `low`.
        low: the smallest eigenvalue, > 0.
        high: the largest one, >= `low`; their ratio is the condition number.
    """
    return SPECTRA[spectrum](count, low, high)


def trace(spectrum: str, count: int, low: float, high: float) -> float:
    """Return the sum of the eigenvalues; the arguments are those of `eigenvalues`."""
    if spectrum == "logarithmic":
        return _geometric_sum(count, low, high)
    return math.fsum(eigenvalues(spectrum, count, low, high).tolist())


def _logarithmic(count: int, low: float, high: float) -> Tensor:
    """Return a geometric progression, as in the paper."""
    exponents = torch.linspace(0, 1, count, dtype=torch.float64)
    spectrum: Tensor = torch.pow(high / low, exponents) * low
    return spectrum


def _uniform(count: int, low: float, high: float) -> Tensor:
    """Return an arithmetic progression."""
    return torch.linspace(low, high, count, dtype=torch.float64)


def _power_law(count: int, low: float, high: float) -> Tensor:
    """Return λ_k = `high` k^(−α), k = 1, ..., n, with α = ln(high / low) / ln n, so that λ_n = `low`."""
    if count == 1:
        return _uniform(count, low, high)
    ranks = torch.arange(count, 0, -1, dtype=torch.float64)
    return high * torch.exp(ranks.log() * (-math.log(high / low) / math.log(count)))


def _clustered(count: int, low: float, high: float) -> Tensor:
    """Return at most 4 distinct eigenvalues in geometric progression, each of equal multiplicity up to one."""
    clusters = min(_CLUSTERS, count)
    return _logarithmic(clusters, low, high)[torch.arange(count) * clusters // count]


def _two_level(count: int, low: float, high: float) -> Tensor:
    """Return a tenth of the eigenvalues, rounded up, at `high`, and the others at `low`."""
    outliers = min(math.ceil(_OUTLIERS_PER_EIGENVALUE * count), count - 1)
    levels = [low] * (count - outliers) + [high] * outliers
    return torch.tensor(levels, dtype=torch.float64)


def _geometric_sum(count: int, low: float, high: float) -> float:
    if count == 1 or low == high:
        return count * low
    growth = math.log(high / low) / (count - 1)
    return low * math.expm1(count * growth) / math.expm1(growth)


SPECTRA: Mapping[str, Callable[[int, float, float], Tensor]] = {
    "logarithmic": _logarithmic,
    "uniform": _uniform,
    "power-law": _power_law,
    "clustered": _clustered,
    "two-level": _two_level,
}
"""The spectra by name, the paper's first."""
