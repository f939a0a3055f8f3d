"""What a result cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lodo_bench.records import Hyperparameters, StudyRecord
from lodo_bench.spec import OptimizerSpec, TaskSpec


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


def tuning_cost(
    task: TaskSpec, optimizer: OptimizerSpec, hyperparameters: Hyperparameters, studies: Sequence[StudyRecord]
) -> TuningCost | None:
    """The cost of the latest study that these tuned hyperparameters are the result of; None if there is none.

    `studies` are oldest first.
    """
    if hyperparameters.source != "tuned":
        return None
    for study in reversed(studies):
        same = study.spec.task == task and study.spec.optimizer == optimizer
        if same and study.hyperparameters == hyperparameters.values:
            members = study.individuals
            steps, seconds = sum(member.steps for member in members), sum(member.seconds for member in members)
            return TuningCost(study.id, len(members), steps, seconds)
    return None
