"""Typed options and hyperparameters: their names, ranges and defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.numbers import FINITE, FRACTION, NONNEGATIVE, POSITIVE, Integers, Range, number, shown
from lodo_bench.spec.text import PLAIN, is_plain

Kind = Literal["rate", "decay", "variance", "positive-int", "nonnegative-int", "number", "choice", "text"]
Value = float | str

_RANGES: Mapping[Kind, Range[int] | Range[float]] = {
    "rate": POSITIVE,
    "decay": FRACTION,
    "variance": NONNEGATIVE,
    "positive-int": Integers(1),
    "nonnegative-int": Integers(0),
    "number": FINITE,
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
            raise UsageError(
                f"invalid {name or self.name} = {shown(value)} for {owner}: {self._problem(value)} "
                f"(default {format_value(self.default)})."
            )
        return found

    def _read(self, value: Value) -> Value | None:
        if self.kind == "choice":
            return value if value in self.choices else None
        if self.kind == "text":
            text = value if isinstance(value, str) else FINITE.read(value)
            return format_value(text) if text is not None and is_plain(format_value(text)) else None
        return _RANGES[self.kind].read(number(value) if isinstance(value, str) else value)

    def _problem(self, value: Value) -> str:
        if self.kind == "choice":
            return f"must be {' or '.join(self.choices)}"
        return f"must be a text of one line, {PLAIN}" if self.kind == "text" else _RANGES[self.kind].problem(value)


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


def exact_text(value: Value) -> str:
    """Format a value for a command, from which it is read again as it is."""
    text = format_value(value)
    return text if isinstance(value, str) or float(text) == value else repr(value)


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
