"""Passwords in the URLs of databases, which are never shown or stored."""

from __future__ import annotations

import re

_HIDDEN = "***"
# The last @ of a word ends the password: one that is not escaped may be part of it.
_IN_URL = re.compile(r"(://[^:/@\s]*:)[^\s'\"]*(@)|([?&](?:ssl)?password=)[^\s'\"&#]*()")


def without_passwords(text: str) -> str:
    """Return a text, such as a location or a command line, with `***` for the password of each URL in it."""
    return _IN_URL.sub(lambda found: "".join(part or "" for part in _around(found)), text)


def _around(found: re.Match[str]) -> tuple[str | None, ...]:
    before, after, key, end = found.groups()
    return before, key, _HIDDEN, after, end
