"""Simes' inequality, which combines the p-values of several tests."""

from __future__ import annotations

from collections.abc import Iterable

LEVEL = 0.05
"""The probability with which a test may reject a hypothesis that holds."""


def simes(values: Iterable[float]) -> float:
    """Combine p-values into that of the hypothesis that all of theirs hold; 1 if there are none (Simes 1986).

    Holds for independent tests and for such as tend to agree, as those of one sample against many others do.
    """
    ordered = sorted(values)
    return min((len(ordered) * p / rank for rank, p in enumerate(ordered, 1)), default=1.0)
