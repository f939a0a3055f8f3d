"""Simulated comparisons of optimizers of which the truth is known, judged as a report judges those of runs."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lodo_bench.analysis.statistics import Kind, Sample, judge

Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Values]
"""Returns values of equally good optimizers, (optimizers, replicates), of which columns share their problem."""

SEEDS_PER_SEARCH = 8
SEARCH_SPREAD = 0.5  # standard deviation of the logarithm of a search's value


def normal(random: np.random.Generator, optimizers: int, replicates: int) -> Values:
    return random.normal(size=(optimizers, replicates)) + 2 * random.normal(size=replicates)


def cauchy(random: np.random.Generator, optimizers: int, replicates: int) -> Values:
    return random.standard_cauchy((optimizers, replicates)) + 2 * random.standard_cauchy(replicates)


def log_normal(spread: float) -> Draw:
    """Return a log-normal distribution of the values."""
    return lambda random, *shape: np.exp(spread * normal(random, *shape))


def diverging(draw: Draw) -> Draw:
    """Return the same distribution with 10 % of the values not finite."""

    def with_divergence(random: np.random.Generator, optimizers: int, replicates: int) -> Values:
        values = draw(random, optimizers, replicates)
        values[random.random(values.shape) < 0.1] = math.inf
        return values

    return with_divergence


def searched(tuning_share: float) -> Draw:
    """Return a distribution of searches' values: the mean loss of final runs with the values that a search found.

    Each search has seeds of its own for its final runs, which all optimizers share; half of the variance of a run's
    logarithm is the seed's, and half the run's own.

    Args:
        tuning_share: how much of the variance is between searches rather than between seeds, in [0, 1].
    """

    def means(random: np.random.Generator, optimizers: int, searches: int) -> Values:
        tuning = random.normal(size=(optimizers, searches, 1)) * math.sqrt(tuning_share)
        own = random.normal(size=(optimizers, searches, SEEDS_PER_SEARCH))
        seeds = random.normal(size=(searches, SEEDS_PER_SEARCH))
        noise = (own + seeds) * math.sqrt((1 - tuning_share) * SEEDS_PER_SEARCH / 2)
        return np.exp(SEARCH_SPREAD * (tuning + noise)).mean(axis=2)

    return means


def searched_once(random: np.random.Generator, optimizers: int, seeds: int) -> Values:
    """Return the values of runs with the result of one search each, which has half of the variance."""
    tuning = random.normal(size=(optimizers, 1))
    seed = (random.normal(size=(optimizers, seeds)) + random.normal(size=seeds)) / math.sqrt(2)
    return np.exp(SEARCH_SPREAD * (tuning + seed))


def exponential(random: np.random.Generator, optimizers: int, replicates: int) -> Values:
    """Return skewed values whose median is 1."""
    return random.exponential(1 / math.log(2), size=(optimizers, replicates))


DISTRIBUTIONS: dict[str, tuple[Kind, Draw]] = {
    "normal": ("difference", normal),
    "Cauchy": ("difference", cauchy),
    "log-normal, σ = 0.5": ("ratio", log_normal(0.5)),
    "log-normal, σ = 2": ("ratio", log_normal(2.0)),
    "log-normal, σ = 1, 10 % diverged": ("ratio", diverging(log_normal(1.0))),
}
AROUND_ONE: dict[str, tuple[Kind, Draw]] = {
    "log-normal, σ = 0.5": ("ratio", lambda random, *shape: np.exp(random.normal(scale=0.5, size=shape))),
    "Cauchy": ("difference", lambda random, *shape: 1 + random.standard_cauchy(shape)),
    "exponential": ("difference", exponential),
}


@dataclass(frozen=True)
class Setting:
    """A comparison to be repeated.

    Attributes:
        draw: of equally good optimizers.
        kind, unit: of the samples.
        optimizers, replicates: their numbers.
        ratio: the values of all but the first optimizer are this many times what is drawn.
        constant: the value of the first optimizer, if nothing is random in it.
    """

    draw: Draw
    kind: Kind
    optimizers: int
    replicates: int
    unit: Literal["seed", "search"] = "seed"
    ratio: float = 1.0
    constant: float | None = None

    def samples(self, random: np.random.Generator) -> list[Sample]:
        """Return a sample for each optimizer."""
        values = self.draw(random, self.optimizers, self.replicates)
        values[1:] *= self.ratio
        samples = [Sample(dict(enumerate(row)), unit=self.unit) for row in values.tolist()]
        if self.constant is not None:
            samples[0] = Sample({0: self.constant}, is_constant=True)
        return samples


@dataclass
class Counts:
    """The verdicts of many trials, counted.

    Attributes:
        trials: how many.
        first, others: the states of the first optimizer, and of all others.
        planned: the states of the last one, with the first as the baseline.
        any_worse: trials in which at least one was called worse.
        intervals, covering: how many intervals of the last one's effect there are, and hold the true effect.
    """

    trials: int
    first: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    planned: Counter[str] = field(default_factory=Counter)
    any_worse: int = 0
    intervals: int = 0
    covering: int = 0

    @property
    def every(self) -> Counter[str]:
        """The states of all optimizers."""
        return self.first + self.others


def simulate(setting: Setting, trials: int, random: np.random.Generator) -> Counts:
    """Repeat a comparison and count its verdicts."""
    counts = Counts(trials)
    truth = setting.ratio if setting.kind == "ratio" else 0.0
    for _ in range(trials):
        samples = setting.samples(random)
        first, *others = [standing.state for standing in judge(samples, kind=setting.kind).standings]
        planned = judge([samples[0], samples[-1]], kind=setting.kind, baseline=0).standings[1]
        counts.first[first] += 1
        counts.others.update(others)
        counts.planned[planned.state] += 1
        counts.any_worse += "worse" in (first, *others)
        counts.intervals += not math.isnan(planned.effect.low)
        counts.covering += planned.effect.low <= truth <= planned.effect.high
    return counts
