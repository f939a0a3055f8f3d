"""Typed options and hyperparameters: their names, ranges and defaults."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lodo_bench.errors import UnknownNameError, UsageError

Kind = Literal["rate", "decay", "variance", "positive-int", "nonnegative-int", "number", "choice", "text"]
Value = float | str

_RULES: Mapping[Kind, str] = {
    "rate": "a finite number greater than 0",
    "decay": "a number in [0, 1)",
    "variance": "a finite number, 0 or greater",
    "positive-int": "an integer, 1 or greater",
    "nonnegative-int": "an integer, 0 or greater",
    "number": "a finite number",
    "choice": "{choices}",
    "text": "a text of one line",
}


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a task or an optimizer: name, range and default.

    Args:
        name: the full name, e.g. `batch_size`.
        alias: a short name, accepted wherever the full name is, e.g. `batch`.
        kind: the range of its values: `rate` (> 0), `decay` (in [0, 1)), `variance` (>= 0), `positive-int`,
            `nonnegative-int`, `number`, `choice` (a word) or `text` (one line, e.g. the path of a file).
        default: the value used when none is given.
        description: one line for help texts.
        choices: the words of a `choice`.
    """

    name: str
    alias: str
    kind: Kind
    default: Value
    description: str
    choices: tuple[str, ...] = ()

    def validate(self, value: Value, owner: str, name: str | None = None) -> Value:
        """Convert `value` to this option's type: a number, possibly given as text, an integer, or a word.

        Args:
            value: the value given.
            owner: the task or optimizer, for the message.
            name: the name that the user typed, for the message; the full name by default.

        Raises:
            UsageError: if the value is out of range.
        """
        found = self._read(value)
        if found is None:
            rule = _RULES[self.kind].format(choices=" or ".join(self.choices))
            raise UsageError(
                f"invalid {name or self.name} = {format_value(value)} for {owner}: must be {rule} "
                f"(default {format_value(self.default)})."
            )
        return found

    def _read(self, value: Value) -> Value | None:
        if self.kind == "choice":
            return value if value in self.choices else None
        if self.kind == "text":
            text = format_value(value)
            return text if len(text.splitlines()) <= 1 else None
        try:
            number = float(value)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        if self.kind in ("positive-int", "nonnegative-int"):
            least = 1 if self.kind == "positive-int" else 0
            return int(number) if number >= least and number == int(number) else None
        if self.kind == "number":
            return number
        return number if {"rate": number > 0, "decay": 0 <= number < 1, "variance": number >= 0}[self.kind] else None


@dataclass(frozen=True, slots=True)
class HyperparameterSpec(Option):
    """A tuned number: a `rate` on a log scale, or a `decay` on a logit scale.

    Args:
        is_learning_rate: whether it scales the steps, so that `Task.final_lr_scale` applies to it.
        range: the smallest and the largest value that a search tries; None for all values of its kind.
    """

    is_learning_rate: bool = False
    range: tuple[float, float] | None = None

    @property
    def initial(self) -> float:
        """The default, at which a search starts."""
        return float(self.default)


def format_value(value: Value) -> str:
    """Format a value for messages and tables."""
    return value if isinstance(value, str) else f"{value:g}"


def resolve(
    options: Iterable[Option], given: Mapping[str, Value], owner: str, what: str = "option"
) -> dict[str, Value]:
    """Translate aliases to full names and validate every given value.

    Returns:
        The given values under their full names, in the order of `options`. Defaults are not filled in.

    Raises:
        UnknownNameError: for a name that no option has.
        UsageError: for a value out of range, or an option given under both of its names.
    """
    table = list(options)
    by_name = {name: option for option in table for name in (option.name, option.alias)}
    found: dict[str, Value] = {}
    for name, value in given.items():
        if name not in by_name:
            raise UnknownNameError(what, name, (option.name for option in table), of=owner)
        option = by_name[name]
        if option.name in found:
            raise UsageError(f"{option.name} of {owner} is given twice. Give it once.")
        found[option.name] = option.validate(value, owner, name)
    return {option.name: found[option.name] for option in table if option.name in found}
