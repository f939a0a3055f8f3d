"""Performance profiles: how often each of several optimizers is nearly the best, over many problems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import Comparison, ComparisonRow


@dataclass(frozen=True, slots=True)
class Profile:
    """A performance profile: a step function for each optimizer.

    Attributes:
        factors: (K,), rising from 1: every factor at which some optimizer's share changes.
        shares: name -> (K,): the share of the problems on which its cost is at most the factor times the least cost of
            any; it never falls. The last is the share that it solves at all.
    """

    factors: NDArray[np.float64]
    shares: Mapping[str, NDArray[np.float64]]


def performance_profile(costs: Mapping[str, Sequence[float]], weights: Sequence[float] | None = None) -> Profile:
    """Return the performance profile of optimizers over problems.

    ρ_s(τ) = share of the problems p with c_{p,s} ≤ τ min_s' c_{p,s'} (Dolan and Moré, "Benchmarking optimization
    software with performance profiles", Mathematical Programming 91, 2002).

    Args:
        costs: name -> (p,), a loss or a time for each problem, 0 or more; one that is not finite is a problem that the
            optimizer did not solve, and never counts. Where the least cost is 0, those of cost 0 have the factor 1
            and all others none. A problem that no optimizer solves counts for none.
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
    """Return each cost divided by the least of its problem; infinite where it is not finite."""
    least = table.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(table == least, 1.0, table / least)
    return np.where(np.isfinite(table), ratios, np.inf)


def profile(comparisons: Sequence[Comparison]) -> Profile:
    """Return the performance profile of the optimizers over all tasks, by their names with options.

    A problem is a seed of a task, its cost the training loss at the task's longest step milestone; all tasks count the
    same. A run that diverged or is missing has not solved its problem. Of an optimizer with several rows
    in a comparison, the first, which is the best, is taken, and of several searches that of the lowest seed, whose runs
    have the seeds of all others.
    """
    names = list(dict.fromkeys(row.optimizer.label for comparison in comparisons for row in comparison.rows))
    costs: dict[str, list[float]] = {name: [] for name in names}
    weights: list[float] = []
    for comparison in comparisons:
        column = _longest(comparison)
        if column is None:
            continue
        rows: dict[str, ComparisonRow] = {}
        for row in comparison.rows:
            rows.setdefault(row.optimizer.label, row)
        found = {name: _by_seed(row, column) for name, row in rows.items() if column in row.results}
        seeds = sorted({seed for by_seed in found.values() for seed in by_seed})
        weights += [1 / len(seeds)] * len(seeds)
        for name in names:
            costs[name] += _costs(rows.get(name), found.get(name, {}), seeds)
    return performance_profile(costs, weights)


def _by_seed(row: ComparisonRow, column: ScoreColumn) -> Mapping[int, float]:
    by_search = row.results[column].by_search
    return by_search[min(by_search)]


def _costs(row: ComparisonRow | None, by_seed: Mapping[int, float], seeds: Sequence[int]) -> list[float]:
    """Return the costs by seed, infinite where there is no run; a single run stands for all if it is deterministic."""
    if row is not None and row.is_deterministic and len(by_seed) == 1:
        return [*by_seed.values()] * len(seeds)
    return [by_seed.get(seed, math.inf) for seed in seeds]


def _longest(comparison: Comparison) -> ScoreColumn | None:
    steps = [column for column in comparison.columns if column.is_loss and column.milestone.unit == "steps"]
    return steps[-1] if steps else None
