"""Expected durations of shards, learned from those that have finished."""

from __future__ import annotations

import math

from lodo_bench.tuner.shard import Shard

_SHORTEST_SECONDS = 1e-6  # a clock may be too coarse for less
_WEIGHT = 0.5  # of the latest shard in the running averages
_PATIENCE_SECONDS = 30.0
_PATIENCE_FACTOR = 10.0
# Until the first shard of a study has finished, as nothing is known about it.
_FIRST_PATIENCE_SECONDS = 3600.0


class Durations:
    """The time that shards take, from handing them out to their results, for each study.

    Individuals that are trained in lockstep take far less than one after the other, or not, depending on task and
    optimizer. So there are two averages: of the seconds for a step of one individual, and of those for a step of the
    whole shard.
    """

    def __init__(self) -> None:
        self._individual_step: dict[int, float] = {}
        self._shard_step: dict[int, tuple[float, int]] = {}

    def add(self, shard: Shard, seconds: float) -> None:
        """Take in that a shard has taken this long."""
        count, step = len(shard.training.individuals), max(seconds, _SHORTEST_SECONDS) / shard.training.steps
        before = self._individual_step.get(shard.study, step / count)
        self._individual_step[shard.study] = before + _WEIGHT * (step / count - before)
        self._shard_step[shard.study] = step, count

    def individual_step(self, study: int) -> float:
        """Return the seconds for a step of one individual of a study; infinite if unknown."""
        return self._individual_step.get(study, math.inf)

    def patience(self, shard: Shard) -> float:
        """Return the seconds after which a shard without a result has been lost: several times what it should take."""
        if shard.study in self._shard_step:
            step, count = self._shard_step[shard.study]
            expected = step * shard.training.steps * max(1.0, len(shard.training.individuals) / count)
            return max(_PATIENCE_SECONDS, _PATIENCE_FACTOR * expected)
        return _FIRST_PATIENCE_SECONDS
