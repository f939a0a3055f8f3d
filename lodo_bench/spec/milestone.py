"""Milestones: the points of a run at which it is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Milestone:
    """A point of a run at which it is scored: after so many `steps` or `seconds` of training (LODO §5)."""

    unit: Literal["steps", "seconds"]
    value: float

    @property
    def key(self) -> str:
        """`steps:200` or `seconds:300`."""
        return f"{self.unit}:{self.value:.15g}"


def milestones(steps: int, seconds: float | None) -> tuple[Milestone, ...]:
    """The milestones of a training of at least so many steps and seconds."""
    by_time = () if seconds is None else (Milestone("seconds", seconds),)
    return Milestone("steps", steps), *by_time
