"""The numbers that users give: how they are written, and the ranges that they must be in.

The command line, YAML files, functions of Python and environment variables all read numbers by these rules. The limits
are what can work: what can be counted exactly, stored, or kept in memory as a list.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lodo_bench.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

N = TypeVar("N", bound=float)
N_co = TypeVar("N_co", bound=float, covariant=True)

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_REAL = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 400  # more than any number has that a float can hold
_MAX_SHOWN = 60
_EXACT = 2**53  # from here on, a float no longer tells every integer from the next


def number(text: str) -> int | float | None:
    """Read a number: digits, with a sign, a decimal point and a power of ten where they are wanted; else None.

    Refused is what has more than one meaning, or none: leading zeros, blanks, underscores, other digits than 0 to 9,
    other bases than ten, and words such as `nan`.

    Returns:
        An integer where there is neither a decimal point nor a power of ten. What is too large for a float is infinite.
    """
    if _INTEGER.fullmatch(text) and len(text) <= _MAX_DIGITS:
        return int(text)
    return float(text) if _REAL.fullmatch(text) else None


def shown(value: object) -> str:
    """Return a value for a message: in full if it is short, else its beginning and its length."""
    try:
        text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else repr(value)
    except ValueError:  # Python writes no integers of thousands of digits
        return "an integer of thousands of digits"
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN // 2]}... ({len(text):,} characters)"


class Range(Protocol[N_co]):
    """A range of numbers."""

    def read(self, value: object) -> N_co | None:
        """Return a value as a number of this range; else None."""

    def problem(self, value: object) -> str:
        """Return the rule that a value breaks: `must be an integer from 1 to 10`."""
        ...


@dataclass(frozen=True, slots=True)
class Integers:
    """A range of integers.

    Args:
        least, most: its ends, which belong to it.
        reason: why there are no larger ones, for messages.
    """

    least: int
    most: int = _EXACT - 1
    reason: str = "larger ones are not exact in all calculations"

    @property
    def rule(self) -> str:
        """The range in words: `an integer from 1 to 1,000,000`."""
        return f"an integer from {self.least:,} to {self.most:,}"

    def read(self, value: object) -> int | None:
        """Return a number as an integer of this range, also a float such as 1e3 that is one exactly; else None."""
        found = _plain(value)
        if isinstance(found, float):
            found = int(found) if found.is_integer() and abs(found) < _EXACT else None
        return found if found is not None and self.least <= found <= self.most else None

    def problem(self, value: object) -> str:
        """Return the rule that a value breaks, with the reason where it is too large."""
        found = _plain(number(value) if isinstance(value, str) else value)
        is_larger = self.reason and found is not None and found > self.most
        return f"must be {self.rule}{f' ({self.reason})' if is_larger else ''}"


@dataclass(frozen=True, slots=True)
class Reals:
    """A range of finite numbers.

    Args:
        rule: the range in words: `a finite number greater than 0`.
        contains: whether a finite number is in it.
    """

    rule: str
    contains: Callable[[float], bool] = lambda _: True

    def read(self, value: object) -> float | None:
        """Return a number as a float of this range; else None."""
        plain = _plain(value)
        if plain is None:
            return None
        try:
            found = float(plain)
        except OverflowError:
            return None
        return found if math.isfinite(found) and self.contains(found) else None

    def problem(self, value: object) -> str:
        """Return the rule that a value breaks."""
        return f"must be {self.rule}"


def check(value: object, limits: Range[N], name: str) -> N:
    """Return a value as a number within limits; `name` is what it sets, for the message.

    Raises:
        UsageError: if it is none.
    """
    found = limits.read(value)
    if found is None:
        raise UsageError(f"invalid {name} = {shown(value)}: {limits.problem(value)}.")
    return found


def check_fields(record: DataclassInstance, **limits: Range[Any]) -> None:
    """Check fields of a frozen dataclass, and make their values numbers of Python.

    Args:
        record: the instance; a field that is None by default may be None, and of a tuple each element is checked.
        limits: by field.

    Raises:
        UsageError: if one is out of its range.
    """
    defaults = {field.name: field.default for field in fields(record)}
    for name, range_ in limits.items():
        value = getattr(record, name)
        if value is None and defaults[name] is None:
            continue
        is_tuple = isinstance(defaults[name], tuple)
        found = tuple(check(each, range_, name) for each in value) if is_tuple else check(value, range_, name)
        object.__setattr__(record, name, found)


def _plain(value: object) -> int | float | None:
    """Return a number of any library as one of Python's; None for what is no number, such as True."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    try:
        return float(value)
    except OverflowError:  # a fraction that is larger than any float
        return None


_LISTED = "a list of them is kept in memory"
_PLANNED = "all of them are planned before the first begins"
_STORED = "a database holds no larger one"
_LONGEST_SECONDS = 1e9

COUNT = Integers(1, 1_000_000, _LISTED)
"""How many there are of what is kept in memory as a list: seeds, generations."""
POPULATION = Integers(2, COUNT.most, _LISTED)
SEARCHES = Integers(1, 1000, _PLANNED)
POINTS = Integers(2, 10_000, _PLANNED)
"""The points of a sweep."""
IMAGES = Integers(1, COUNT.most, "they are kept in memory")
WORKERS = Integers(0, COUNT.most, "more would have nothing to do")
STEPS = Integers(1, 10**15, "more steps cannot be counted exactly")
WINDOW = Integers(1, STEPS.most, "no run has more losses")
SEED = Integers(0, 2**63 - 1, _STORED)
RECORD = Integers(1, 2**63 - 1, _STORED)
"""The number of a study or a run set."""
PORT = Integers(0, 65_535, "")
FINITE = Reals("a finite number")
POSITIVE = Reals("a finite number greater than 0", lambda value: value > 0)
NONNEGATIVE = Reals("a finite number, 0 or greater", lambda value: value >= 0)
FRACTION = Reals("a number in [0, 1)", lambda value: 0 <= value < 1)
SECONDS = Reals(
    "a number of seconds greater than 0, at most 1,000,000,000 (32 years)", lambda value: 0 < value <= _LONGEST_SECONDS
)
PERIOD = Reals(
    "a number of seconds, 0 or greater, at most 1,000,000,000 (32 years)", lambda value: 0 <= value <= _LONGEST_SECONDS
)
INTERVAL = Reals(
    "a number of seconds from 0.1 to 1,000,000,000 (32 years)", lambda value: 0.1 <= value <= _LONGEST_SECONDS
)
