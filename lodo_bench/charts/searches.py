"""The search distribution by generation, and axis ticks for hyperparameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodo_bench.charts.axis_limits import AxisLimits, value_limits
from lodo_bench.spec.options import Kind
from lodo_bench.spec.study import DecayTransform, StudyRecord

Floats = NDArray[np.float64]
_NEAR_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class SearchSpread:
    """The distribution from which each of G generations is sampled.

    Attributes:
        generations: (G,), numbers, from 1.
        mean: (G,), the constrained means.
        low, high: (G,), the mean ± σ, computed in the unconstrained space and mapped back.
    """

    generations: NDArray[np.int64]
    mean: Floats
    low: Floats
    high: Floats


def search_spread(study: StudyRecord, name: str, kind: Kind) -> SearchSpread:
    """Return the mean and ± σ of one hyperparameter by generation; `kind` selects the transform (LODO App. E)."""
    transform = study.spec.schedule.decay_transform if kind == "decay" else "log"
    ends = [_ends(g.mean[name], g.sigma, transform) for g in study.generations]
    return SearchSpread(
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


def fitness_limits(study: StudyRecord) -> AxisLimits:
    """Return the limits of the fitness axis, by the rule of loss axes."""
    return value_limits([one.fitness for one in study.individuals if math.isfinite(one.fitness)])


def jitter(index: int, population: int) -> float:
    """Return the horizontal offset of an individual's dot, within ± 0.3, so that dots do not overlap."""
    return 0.6 * ((index + 0.5) / max(population, index + 1) - 0.5)


def logit_ticks(low: float, high: float) -> list[float]:
    """Return about seven round numbers between `low` and `high` for a logit axis of decays."""
    coarse = [*_TINY, 0.1, 0.5, 0.9, *_NEARLY_ONE]
    found = [value for value in coarse if low <= value <= high]
    if len(found) < 3:
        found = sorted(value for value in (*coarse, *_BETWEEN) if low <= value <= high)
    return found[:: -(-len(found) // 7) or 1]


_TINY = [10.0**-n for n in range(300, 1, -1)]
_NEARLY_ONE = [1 - 10.0**-n for n in range(2, 16)]
_BETWEEN = (0.02, 0.05, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.95, 0.98)
