"""Milestones: the points of a run at which it is scored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal, Self, get_args

from lodo_bench.errors import UsageError
from lodo_bench.spec.numbers import SECONDS, STEPS, Range, number, shown

MilestoneUnit = Literal["steps", "seconds"]
_UNITS: tuple[MilestoneUnit, ...] = get_args(MilestoneUnit)
_WRITTEN = re.compile(r"([0-9]+)|([0-9]+(?:\.[0-9]+)?)s")


@total_ordering
@dataclass(frozen=True, slots=True)
class Milestone:
    """A point of a run at which it is scored: after `value` steps or seconds of training (LODO §5).

    Milestones are ordered: steps before seconds, short before long.
    """

    unit: MilestoneUnit
    value: float

    def __lt__(self, other: Milestone) -> bool:
        return (_UNITS.index(self.unit), self.value) < (_UNITS.index(other.unit), other.value)

    @classmethod
    def parse(cls, key: str) -> Self:
        """Return the milestone whose `key` this is.

        Raises:
            ValueError: if it is not the key of a milestone.
        """
        unit, _, value = key.partition(":")
        for known in _UNITS:
            if unit == known:
                return cls(known, float(value))
        raise ValueError(f"'{key}' is not a milestone")

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the milestone that a user wrote: `20000` for steps, `10s` for seconds.

        Raises:
            UsageError: if it is written in another way, or is out of range.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            plain = re.sub(r"[\s_,']|steps?$", "", text)
            hint = f" Did you mean '{plain}'?" if _WRITTEN.fullmatch(plain) else ""
            raise UsageError(
                f"invalid milestone '{shown(text)}': must be a number of steps in digits alone, such as 20000, or of "
                f"seconds with an s, such as 10s.{hint}"
            )
        steps, seconds = found.groups()
        limits: Range[float] = STEPS if steps else SECONDS
        value = limits.read(number(steps or seconds))
        if value is None:
            raise UsageError(f"invalid milestone '{shown(text)}': {limits.problem(number(steps or seconds))}.")
        return cls("steps" if steps else "seconds", float(value))

    @property
    def key(self) -> str:
        """The exact text form for storage and documents: `steps:200` or `seconds:300`."""
        return f"{self.unit}:{self.value:.15g}"

    @property
    def title(self) -> str:
        """The readable form: `20,000 steps` or `300 s`."""
        return f"{self.value:,.15g} {'s' if self.unit == 'seconds' else self.unit}"


def milestones(steps: int, seconds: float | None) -> tuple[Milestone, ...]:
    """Return the milestones of a training that takes at least `steps` steps and `seconds` seconds, in order."""
    by_time = () if seconds is None else (Milestone("seconds", seconds),)
    return Milestone("steps", steps), *by_time


def scored_window(steps: int) -> tuple[int, int]:
    """Return the range [first, last) of the losses that score a run at a milestone of `steps` steps (LODO §5).

    These are the steps t with 0.9 T < t < T, counted from 1: 181, ..., 199 of 200, as the paper's authors score (the
    step that reaches the milestone is not before it). There is at least one.
    """
    first = 9 * steps // 10
    return first, max(steps - 1, first + 1)
