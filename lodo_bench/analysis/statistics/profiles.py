"""Performance profiles: how often each of several optimizers is nearly the best, over many problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Profile:
    """A step function for each optimizer.

    Attributes:
        factors: (K,), rising from 1: every factor at which some optimizer's share changes.
        shares: name -> (K,): the share of the problems on which its cost is at most the factor times the least cost of
            any; it never falls. The last is the share that it solves at all.
    """

    factors: NDArray[np.float64]
    shares: Mapping[str, NDArray[np.float64]]


def performance_profile(costs: Mapping[str, Sequence[float]], weights: Sequence[float] | None = None) -> Profile:
    """The performance profile of optimizers over problems.

    ρ_s(τ) = share of the problems p with c_{p,s} ≤ τ min_s' c_{p,s'} (Dolan and Moré, "Benchmarking optimization
    software with performance profiles", Mathematical Programming 91, 2002).

    Args:
        costs: name -> (p,), a loss or a time for each problem, 0 or more; one that is not finite is a problem that the
            optimizer did not solve, and never counts. Where the least cost is 0, those of cost 0 have the factor 1
            and all others none. A problem that nobody solves counts for nobody.
        weights: (p,), how much each problem counts, 0 or more; all the same by default.
    """
    names = list(costs)
    table = np.array([costs[name] for name in names], dtype=np.float64)  # (s, p)
    if table.size == 0:
        return Profile(np.ones(1), {name: np.zeros(1) for name in names})
    table = np.where(np.isfinite(table), table, np.inf)
    weight = np.ones(table.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    ratios = _ratios(table)
    factors = np.unique(np.append(ratios[np.isfinite(ratios)], 1.0))
    within = ratios[:, :, None] <= factors  # (s, p, K)
    shares = (within * weight[:, None]).sum(axis=1) / weight.sum()
    return Profile(factors, dict(zip(names, shares, strict=True)))


def _ratios(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each cost divided by the least of its problem; infinite where there is none."""
    least = table.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(table == least, 1.0, table / least)
    return np.where(np.isfinite(table), ratios, np.inf)
