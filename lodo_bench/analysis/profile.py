"""The performance profile of everything that was compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lodo_bench.analysis.columns import Column
from lodo_bench.analysis.comparison import Comparison, Row
from lodo_bench.analysis.statistics.profiles import Profile, performance_profile


def profile(comparisons: Sequence[Comparison]) -> Profile:
    """How often each optimizer's loss is nearly the least, over all tasks, by its name with its options.

    A problem is a seed of a task, its cost the training loss at the task's longest step milestone; all tasks count the
    same. A run that diverged, or that there is none of, has not solved its problem. Of an optimizer with several rows
    in a comparison, the first, which is the best, is taken.
    """
    names = list(dict.fromkeys(row.optimizer.label for comparison in comparisons for row in comparison.rows))
    costs: dict[str, list[float]] = {name: [] for name in names}
    weights: list[float] = []
    for comparison in comparisons:
        column = _longest(comparison)
        if column is None:
            continue
        rows: dict[str, Row] = {}
        for row in comparison.rows:
            rows.setdefault(row.optimizer.label, row)
        found = {name: row.results[column].by_seed for name, row in rows.items() if column in row.results}
        seeds = sorted({seed for by_seed in found.values() for seed in by_seed})
        weights += [1 / len(seeds)] * len(seeds)
        for name in names:
            costs[name] += [found.get(name, {}).get(seed, math.inf) for seed in seeds]
    return performance_profile(costs, weights)


def _longest(comparison: Comparison) -> Column | None:
    steps = [column for column in comparison.columns if column.is_loss and column.milestone.unit == "steps"]
    return steps[-1] if steps else None
