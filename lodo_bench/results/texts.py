"""Texts as they are stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

from lodo_bench.results.column_types import Unreadable

# What not every database takes: the character NUL (PostgreSQL) and parts of characters, as in arguments that are no
# UTF-8 (any). The escape is a code point that is kept free of characters for such purposes; it is escaped, too.
_ESCAPE = "\ufdd0"
_REFUSED = re.compile(f"[\x00\ud800-\udfff{_ESCAPE}]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{4}})")


class StoredText(TypeDecorator[str]):
    """A text of any characters: those that a database may refuse are stored as escapes, and read as they were."""

    impl = String
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what a database may refuse."""
        if not isinstance(value, str):
            return value
        return _REFUSED.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", value)

    @override
    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return the function that decodes a value."""
        return _as_it_was


def _as_it_was(value: Any) -> Any:
    """Return a text as it was; an `Unreadable` for bytes that are none, which were never stored as such."""
    if not isinstance(value, str) or value.isascii():  # almost all of them
        return value
    if _SURROGATES.search(value):
        return Unreadable("bytes that are no UTF-8")
    if _ESCAPE not in value:
        return value
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
