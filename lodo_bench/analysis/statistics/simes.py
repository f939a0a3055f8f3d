"""Simes' inequality, which combines the p-values of several tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.05
"""The probability with which a test may reject a hypothesis that holds."""


def simes(values: ArrayLike) -> float:
    """Combine p-values into that of the hypothesis that all of theirs hold; 1 if there are none (Simes 1986).

    Holds for independent tests and for such as tend to agree, as those of one sample against many others do.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return float(np.min(len(ordered) * ordered / np.arange(1, len(ordered) + 1))) if len(ordered) else 1.0
