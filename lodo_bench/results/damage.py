"""Stored values that are damaged: each row is named, left out and counted, and the rest is read as usual.

A database outlives disks, copies and other people's tools. What its rows must be is checked in one place, where they
become records (`lodo_bench.results.codecs`), by the `Fields` of a row; what fails is added to the `Damages` of the
database, which tell the user once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import Row, inspect

from lodo_bench.results.column_types import Unreadable
from lodo_bench.spec.outcome import Status

if TYPE_CHECKING:
    from lodo_bench.results.schema import Base

MAX_COUNT = 10**15  # no count of a training comes near it
_STATUSES = {str(status): status for status in Status}
_SHOWN_ROWS = 5
_SHOWN_CHARACTERS = 40

R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged row, which is left out: its table, its number there, what is wrong with it, and the database."""

    table: str
    number: int
    reason: str
    database: str = ""

    def __str__(self) -> str:
        return f"{self.table} {self.number} ({self.reason})"


class DamagedRowError(Exception):
    """A row that cannot become a record; `damage` says why."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage


class Damages:
    """The damaged rows of a database that were come upon so far, each once.

    Args:
        name: of the database, for messages.
        on_notice: called with sentences for the user.
    """

    def __init__(self, name: str, on_notice: Callable[[str], None]) -> None:
        self._name, self.notice = name, on_notice
        self._found: dict[tuple[str, int], Damage] = {}
        self._untold: list[Damage] = []

    @property
    def found(self) -> tuple[Damage, ...]:
        """All of them, in the order in which they were found."""
        return tuple(self._found.values())

    def add(self, damage: Damage) -> None:
        """Count a damaged row, unless it is counted already."""
        damage = replace(damage, database=self._name)
        if self._found.setdefault((damage.table, damage.number), damage) is damage:
            self._untold.append(damage)

    def sound(self, rows: Iterable[R], decode: Callable[[R], T]) -> Iterator[T]:
        """Yield the records of rows, without those that are damaged."""
        for row in rows:
            try:
                yield decode(row)
            except DamagedRowError as error:
                self.add(error.damage)

    def tell(self) -> None:
        """Tell the user, in one notice, what was found since the last one."""
        untold, self._untold = self._untold, []
        for sentence in left_out(untold):
            self.notice(sentence)


def left_out(damages: Sequence[Damage]) -> list[str]:
    """Return the sentences that name damaged rows, one for each database."""
    sentences = []
    for database in dict.fromkeys(damage.database for damage in damages):
        own = [damage for damage in damages if damage.database == database]
        shown = ", ".join(map(str, own[:_SHOWN_ROWS]))
        more = f" and {len(own) - _SHOWN_ROWS:,} more" if len(own) > _SHOWN_ROWS else ""
        rows = "1 damaged row" if len(own) == 1 else f"{len(own):,} damaged rows"
        sentences.append(f"Left out {rows} of the database '{database}': {shown}{more}. The rest is read as usual.")
    return sentences


class Fields:
    """The columns of a row, checked as they are read.

    Every method takes the name of a column and raises a `DamagedRowError` if its value is not what it says.

    Args:
        row: an object of the ORM, or the columns of a table.
        kind: the table, of columns.
    """

    def __init__(self, row: Base | Row[Any], kind: type[Base] | None = None) -> None:
        self._row = row
        self._kind = kind or cast("type[Base]", type(row))

    def damaged(self, reason: str) -> DamagedRowError:
        """Return the error that the row is damaged."""
        (key,) = inspect(self._kind).primary_key
        return DamagedRowError(Damage(self._kind.__tablename__, getattr(self._row, key.name) or 0, reason))

    def text(self, column: str) -> str:
        """Return a text."""
        value = getattr(self._row, column)
        if not isinstance(value, str):
            raise self._wrong(column, value, "a text")
        return value

    def time(self, column: str) -> str:
        """Return a text that is a time, ISO 8601."""
        value = self.text(column)
        if not is_time(value):
            raise self._wrong(column, value, "a time")
        return value

    def status(self, column: str) -> Status:
        """Return a status."""
        value = getattr(self._row, column)
        if not isinstance(value, str) or value not in _STATUSES:
            raise self._wrong(column, value, f"one of {', '.join(Status)}")
        return _STATUSES[value]

    def count(self, column: str) -> int:
        """Return an integer, 0 or greater."""
        value = getattr(self._row, column)
        if not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            raise self._wrong(column, value, "a count")
        return value

    def amount(self, column: str) -> float:
        """Return a finite number, 0 or greater, such as a duration in seconds."""
        value = getattr(self._row, column)
        if not is_number(value) or value < 0:
            raise self._wrong(column, value, "a finite number, 0 or greater")
        return float(value)

    def number(self, column: str, kind: str) -> float:
        """Return a number that `lodo_bench.results.schema.encode_number` made, with the column of its kind."""
        value, named = getattr(self._row, column), getattr(self._row, kind)
        if named == "finite" and is_number(value):
            return float(value)
        if value is None and named in ("nan", "inf", "-inf"):
            return float(named)
        raise self._wrong(column, value, f"the number that its kind, {_shown(named)}, says")

    def values(self, column: str) -> Mapping[str, float]:
        """Return numbers by name."""
        value = self.document(column)
        if not all(is_text(name) and is_number(number) for name, number in value.items()):
            raise self._wrong(column, value, "finite numbers by name")
        return value

    def document(self, column: str) -> dict[str, Any]:
        """Return a JSON object."""
        value = getattr(self._row, column)
        if not isinstance(value, dict):
            raise self._wrong(column, value, "a JSON object")
        return value

    def blob(self, column: str) -> bytes:
        """Return bytes."""
        value = getattr(self._row, column)
        if not isinstance(value, bytes):
            raise self._wrong(column, value, "a blob")
        return value

    def _wrong(self, column: str, value: object, rule: str) -> DamagedRowError:
        return self.damaged(f"its {column}, {_shown(value)}, is not {rule}")


def is_text(value: object) -> bool:
    """Return True for a text that can be written; SQLite stores any bytes as one."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_number(value: object) -> bool:
    """Return True for a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_time(value: object) -> bool:
    """Return True for a time, ISO 8601."""
    try:
        datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _shown(value: object) -> str:
    if isinstance(value, Unreadable):
        return str(value)
    if isinstance(value, bytes):
        return f"a blob of {len(value):,} bytes"
    text = "null" if value is None else ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
