"""Meta-training as a search: its generations are epochs of one individual without hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from typing_extensions import override

from lodo_bench.spec.study import IndividualRecord, Schedule
from lodo_bench.spec.training import MetaTrainingState, Tuned
from lodo_bench.tuner.search import Generation, Search


@final
class MetaTraining(Search):
    """Epoch after epoch, each starting from the state after the previous one; the result is the best weights.

    The epochs themselves are run by `lodo_bench.training.meta.run_epoch`.

    Args:
        schedule: one generation of one individual for each epoch.
        state: the state to resume from, which is that after the last epoch told; None to start afresh.
    """

    def __init__(self, schedule: Schedule, state: MetaTrainingState | None) -> None:
        self._schedule, self._state = schedule, state
        self._index = 0

    @property
    @override
    def finished(self) -> bool:
        return self._index == len(self._schedule.generations)

    @property
    @override
    def result(self) -> Tuned:
        return Tuned({}, b"" if self._state is None else self._state.weights)

    @override
    def ask(self) -> Generation:
        plan = self._schedule.generations[self._index]
        return Generation(self._index, plan.sigma, plan.steps, {}, ({},), self._state)

    @override
    def tell(self, individuals: Sequence[IndividualRecord]) -> None:
        """Move on to the next epoch; one that failed, or is replayed from a database, leaves the state as it is."""
        if len(individuals) != 1:
            raise ValueError(f"an epoch has 1 individual, not {len(individuals)}")
        self._state = individuals[0].state or self._state
        self._index += 1
