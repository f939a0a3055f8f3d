"""The user's own words about a stored study or run set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.text import PLAIN, is_plain


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note and tags.

    Attributes:
        note: one text; empty for none.
        tags: words to select by, in the order in which they were given.
    """

    note: str = ""
    tags: tuple[str, ...] = ()

    def with_note(self, text: str) -> Annotation:
        """Return it with another note, in one line.

        Raises:
            UsageError: for a note with control characters.
        """
        note = " ".join(text.split())
        if not is_plain(note):
            raise UsageError(f"invalid note '{note}': must be a text {PLAIN}.")
        return replace(self, note=note)

    def with_tags(self, names: Sequence[str]) -> Annotation:
        """Return it with more tags.

        Raises:
            UsageError: for a tag that is not one word of visible characters.
        """
        for name in names:
            if not name or "," in name or name.split() != [name] or not is_plain(name):
                raise UsageError(
                    f"invalid tag '{name}': a tag is a word without spaces, commas and control characters, such as "
                    f"final-runs."
                )
        return replace(self, tags=tuple(dict.fromkeys((*self.tags, *names))))

    def without_tags(self, names: Sequence[str]) -> Annotation:
        """Return it without these tags.

        Raises:
            UnknownNameError: for a tag that it does not have.
        """
        for name in names:
            if name not in self.tags:
                raise UnknownNameError("tag", name, self.tags)
        return replace(self, tags=tuple(tag for tag in self.tags if tag not in names))
