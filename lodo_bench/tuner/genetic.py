"""The paper's genetic search (LODO App. E), as a pure ask/tell object: no Ray, no training, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lodo_bench.spec.study import IndividualRecord, Schedule
from lodo_bench.spec.training import Tuned
from lodo_bench.tuner.search import Generation, Search
from lodo_bench.tuner.space import SearchSpace


@final
class GeneticSearch(Search):
    """A search that draws individuals around a mean and moves the mean to that of the better half.

    With z a point of the unconstrained space, in generation g::

        z_i = mean_g + σ_g N(0, I),    i = 1, ..., population
        z_i <- the nearest point within the ranges of the hyperparameters that have one
        mean_{g+1} = the mean of z_i over the better half

    mean_0 is the defaults; the result is the mean after the last generation. The better half are the individuals with
    the lower fitness, ties going to the lower index. A fitness that is not finite ranks last and never enters a mean:
    where fewer than half are finite, those are averaged, and where none is, the mean is unchanged. Half of one is one.

    The normal numbers depend on `seed` and the generation alone, so a search that is told the same fitnesses again is
    the same search.

    Args:
        space: the space of the optimizer's hyperparameters.
        schedule: population, standard deviations and steps.
        seed: any integer >= 0.
    """

    def __init__(self, space: SearchSpace, schedule: Schedule, seed: int) -> None:
        self._space, self._schedule, self._seed = space, schedule, seed
        self._mean = space.center
        self._index = 0
        self._points = self._sample()

    @property
    @override
    def finished(self) -> bool:
        return self._index == len(self._schedule.generations)

    @property
    def mean(self) -> dict[str, float]:
        """The hyperparameters at the current mean, by name."""
        return self._space.constrain(self._mean)

    @property
    @override
    def result(self) -> Tuned:
        return Tuned(self.mean)

    @override
    def ask(self) -> Generation:
        plan = self._schedule.generations[self._index]
        individuals = tuple(self._space.constrain(point) for point in self._points)
        return Generation(self._index, plan.sigma, plan.steps, self.mean, individuals)

    @override
    def tell(self, individuals: Sequence[IndividualRecord]) -> None:
        if len(individuals) != self._schedule.population:
            raise ValueError(f"a generation has {self._schedule.population} individuals, not {len(individuals)}")
        fitnesses = np.array([individual.fitness for individual in individuals], dtype=np.float64)
        finite = np.flatnonzero(np.isfinite(fitnesses))
        ranked = finite[np.argsort(fitnesses[finite], kind="stable")]
        better = ranked[: max(self._schedule.population // 2, 1)]
        if len(better):
            self._mean = self._points[better].mean(axis=0)
        self._index += 1
        if not self.finished:
            self._points = self._sample()

    def _sample(self) -> NDArray[np.float64]:
        sigma = self._schedule.generations[self._index].sigma
        generator = np.random.default_rng((self._seed, self._index))
        shape = (self._schedule.population, len(self._mean))
        return self._space.clip(self._mean + sigma * generator.standard_normal(shape))
