"""Replicates: the values that stand for a row in a comparison, one for each seed or for each search."""

from __future__ import annotations

from collections.abc import Mapping

from lodo_bench.analysis.statistics import majority_mean


def replicates_of(by_search: Mapping[int, Mapping[int, float]]) -> dict[int, float]:
    """Return the values to compare: those of the seeds of a single search, or one for each of several.

    The runs at the result of one search share everything that its luck has decided. So of several searches, each
    counts once: by the mean of its finite runs, or not finite if half of its runs diverged.

    Args:
        by_search: the values by the seed of the search and that of the run.
    """
    if len(by_search) == 1:
        (values,) = by_search.values()
        return dict(values)
    return {search: majority_mean(values.values()) for search, values in by_search.items()}
