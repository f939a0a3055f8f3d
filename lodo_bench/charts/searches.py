"""What pictures of a search need to know: the spread of its generations, and scales that suit hyperparameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodo_bench.spec.options import Kind
from lodo_bench.spec.study import DecayTransform, StudyRecord

Floats = NDArray[np.float64]
_NEAR_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Spread:
    """What each of G generations is drawn from.

    Attributes:
        generations: (G,), their numbers, from 1.
        mean: (G,), natural values.
        low, high: (G,), one σ of the search to each side, in natural values.
    """

    generations: NDArray[np.int64]
    mean: Floats
    low: Floats
    high: Floats


def search_spread(study: StudyRecord, name: str, kind: Kind) -> Spread:
    """How one hyperparameter's mean and spread moved; `kind` says on which scale σ counts (LODO App. E)."""
    transform = study.spec.schedule.decay_transform if kind == "decay" else "log"
    ends = [_ends(g.mean[name], g.sigma, transform) for g in study.generations]
    return Spread(
        generations=np.array([g.index + 1 for g in study.generations]),
        mean=np.array([g.mean[name] for g in study.generations]),
        low=np.array([low for low, _ in ends]),
        high=np.array([high for _, high in ends]),
    )


def _ends(mean: float, sigma: float, transform: DecayTransform | str) -> tuple[float, float]:
    factor = math.exp(sigma)
    if transform == "log":
        return mean / factor, mean * factor
    if transform == "log-complement":
        rest = 1 - mean
        return max(1 - rest * factor, 0.0), 1 - rest / factor
    odds = mean / max(1 - mean, 1 - _NEAR_ONE)
    return odds / factor / (1 + odds / factor), odds * factor / (1 + odds * factor)


def jitter(index: int, population: int) -> float:
    """How far to the side an individual's dot stands, within ± 0.3, so that dots do not hide each other."""
    return 0.6 * ((index + 0.5) / max(population, index + 1) - 0.5)


def logit_ticks(low: float, high: float) -> list[float]:
    """Round numbers for an axis of decays between `low` and `high`, at most seven or so."""
    coarse = [*_TINY, 0.1, 0.5, 0.9, *_NEARLY_ONE]
    found = [value for value in coarse if low <= value <= high]
    if len(found) < 3:
        found = sorted(value for value in (*coarse, *_BETWEEN) if low <= value <= high)
    return found[:: -(-len(found) // 7) or 1]


_TINY = [10.0**-n for n in range(300, 1, -1)]
_NEARLY_ONE = [1 - 10.0**-n for n in range(2, 16)]
_BETWEEN = (0.02, 0.05, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.95, 0.98)
