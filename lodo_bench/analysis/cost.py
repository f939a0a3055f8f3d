"""What a result cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.study import StudyRecord


@dataclass(frozen=True, slots=True)
class TuningCost:
    """What a search took.

    Attributes:
        study: its number.
        individuals: how many it evaluated.
        steps: training steps of all of them.
        seconds: training time of all of them, on one worker each; several workers share it.
    """

    study: int
    individuals: int
    steps: int
    seconds: float


def tuning_cost(hyperparameters: Hyperparameters, studies: Iterable[StudyRecord]) -> TuningCost | None:
    """The cost of the study that these tuned hyperparameters are from; None if it is not among `studies`."""
    for study in studies:
        if study.id == hyperparameters.study_id:
            members = study.individuals
            steps, seconds = sum(member.steps for member in members), sum(member.seconds for member in members)
            return TuningCost(study.id, len(members), steps, seconds)
    return None
