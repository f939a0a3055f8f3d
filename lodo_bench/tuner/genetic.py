"""The paper's genetic search (LODO App. E), as a pure ask/tell object: no Ray, no training, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodo_bench.spec.study import Schedule
from lodo_bench.tuner.space import SearchSpace


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation, ready to be evaluated.

    Attributes:
        index: 0, 1, ...
        sigma: the spread around the mean, in the rescaled space.
        steps: how long each individual trains.
        mean: the mean as natural values.
        individuals: the natural values of each individual.
    """

    index: int
    sigma: float
    steps: int
    mean: dict[str, float]
    individuals: tuple[dict[str, float], ...]


class GeneticSearch:
    """Generation after generation: spread individuals around a mean, keep the mean of the better half.

    With z the rescaled space, in generation g::

        z_i = mean_g + σ_g N(0, I),    i = 1, ..., population
        mean_{g+1} = the mean of z_i over the better half

    mean_0 are the defaults; the result is the mean after the last generation. The better half are the individuals with
    the lower fitness, ties going to the lower index. A fitness that is not finite ranks last and never enters a mean:
    where fewer than half are finite, those are averaged, and where none is, the mean stays. Half of one is one.

    The normal numbers depend on `seed` and the generation alone, so a search that is told the same fitnesses again is
    the same search.

    Args:
        space: the rescaled space.
        schedule: population, spreads and steps.
        seed: any integer >= 0.
    """

    def __init__(self, space: SearchSpace, schedule: Schedule, seed: int) -> None:
        self._space, self._schedule, self._seed = space, schedule, seed
        self._mean = space.center
        self._index = 0
        self._points = self._sample()

    @property
    def finished(self) -> bool:
        """Whether all generations have been told."""
        return self._index == len(self._schedule.generations)

    @property
    def mean(self) -> dict[str, float]:
        """The current mean as natural values; the result of the search once it is finished."""
        return self._space.natural(self._mean)

    def ask(self) -> Generation:
        """The generation to evaluate now; the same until it is told."""
        plan = self._schedule.generations[self._index]
        individuals = tuple(self._space.natural(point) for point in self._points)
        return Generation(self._index, plan.sigma, plan.steps, self.mean, individuals)

    def tell(self, fitnesses: Sequence[float]) -> bool:
        """Take in the fitness of every individual of the current generation, lower being better, and move on.

        Returns:
            Whether any was finite; if not, the mean has stayed where it was.
        """
        values = np.asarray(fitnesses, dtype=np.float64)
        if values.shape != (self._schedule.population,):
            raise ValueError(f"a generation has {self._schedule.population} individuals, not {values.shape}")
        finite = np.flatnonzero(np.isfinite(values))
        ranked = finite[np.argsort(values[finite], kind="stable")]
        better = ranked[: max(self._schedule.population // 2, 1)]
        if len(better):
            self._mean = self._points[better].mean(axis=0)
        self._index += 1
        if not self.finished:
            self._points = self._sample()
        return len(better) > 0

    def _sample(self) -> NDArray[np.float64]:
        sigma = self._schedule.generations[self._index].sigma
        generator = np.random.default_rng((self._seed, self._index))
        shape = (self._schedule.population, len(self._mean))
        return self._mean + sigma * generator.standard_normal(shape)
