"""Typed options and hyperparameters: names, ranges and defaults."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lodo_bench.errors import UnknownNameError, UsageError

Kind = Literal["rate", "decay", "variance", "count", "whole", "choice"]


Value = float | str


_RULES: Mapping[Kind, str] = {
    "rate": "a finite number greater than 0",
    "decay": "a number from 0 (included) to 1 (excluded)",
    "variance": "a finite number, 0 or greater",
    "count": "a whole number, 1 or greater",
    "whole": "a whole number, 0 or greater",
    "choice": "one of {choices}",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that an optimizer or a task takes: a hyperparameter or an option.

    Args:
        name: the field's term, e.g. `learning_rate`.
        short: the short form, accepted wherever the name is, e.g. `lr`.
        kind: what values it may have, and on which scale it is searched: `rate` (> 0, searched on a log scale),
            `decay` (in [0, 1), searched on a logit scale), `variance` (>= 0), `count` (1, 2, ...), `whole` (0, 1, ...)
            or `choice` (a word).
        default: the value used when none is given; for a tuned hyperparameter also the start of the search.
        description: one line for people.
        choices: the words of a `choice`.
        is_learning_rate: whether it scales the steps, see `Task.final_rate_scale`.
    """

    name: str
    short: str
    kind: Kind
    default: Value
    description: str
    choices: tuple[str, ...] = ()
    is_learning_rate: bool = False

    def checked(self, value: Value, owner: str) -> Value:
        """Return `value` as what it must be: a number, also if it comes as a text, an int for a `count`, or a word.

        Raises:
            UsageError: if the value breaks the rule of this parameter's kind.
        """
        found = self._read(value)
        if found is None:
            rule = _RULES[self.kind].format(choices=" or ".join(self.choices))
            raise UsageError(
                f"{self.name} = {shown(value)} is not possible for {owner}: it must be {rule} "
                f"(default {shown(self.default)})."
            )
        return found

    @property
    def start(self) -> float:
        """The default of a number; where a search starts."""
        return float(self.default)

    def _read(self, value: Value) -> Value | None:
        if self.kind == "choice":
            return value if value in self.choices else None
        try:
            number = float(value)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        if self.kind in ("count", "whole"):
            return int(number) if number >= (self.kind == "count") and number == int(number) else None
        return number if {"rate": number > 0, "decay": 0 <= number < 1, "variance": number >= 0}[self.kind] else None


def shown(value: Value) -> str:
    """A value as people write it."""
    return value if isinstance(value, str) else f"{value:g}"


def resolve(
    parameters: Iterable[Parameter], given: Mapping[str, Value], owner: str, what: str = "parameter"
) -> dict[str, Value]:
    """Translate short names to full names and check every given value.

    Returns:
        The given values under their full names, in the order of `parameters`. Defaults are not filled in.

    Raises:
        UnknownNameError: for a name that no parameter has.
        UsageError: for a value out of range, or a parameter given under both of its names.
    """
    table = list(parameters)
    by_name = {name: p for p in table for name in (p.name, p.short)}
    found: dict[str, Value] = {}
    for name, value in given.items():
        if name not in by_name:
            raise UnknownNameError(what, name, (p.name for p in table), of=owner)
        parameter = by_name[name]
        if parameter.name in found:
            raise UsageError(f"{parameter.name} of {owner} is given twice. Give it once.")
        found[parameter.name] = parameter.checked(value, owner)
    return {p.name: found[p.name] for p in table if p.name in found}
