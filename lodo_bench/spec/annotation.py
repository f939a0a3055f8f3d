"""The user's own words about a stored study or run set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note and tags.

    Attributes:
        note: one text; empty for none.
        tags: words to select by, in the order in which they were given.
    """

    note: str = ""
    tags: tuple[str, ...] = ()
