"""The texts that users give: what they may contain, so that they can be stored and shown anywhere."""

from __future__ import annotations

import unicodedata

# Control characters, halves of surrogate pairs (bytes that were no text), and ends of lines and paragraphs.
_REFUSED = ("Cc", "Cs", "Zl", "Zp")
# They reorder what is around them, so that a line does not say what it seems to say.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
PLAIN = "without control characters"


def is_plain(text: str, allowed: str = "") -> bool:
    """Return true for a text without control characters, except those that are `allowed`."""
    return text.isprintable() or all(  # the first, which is stricter, is true of almost all texts
        character in allowed or (unicodedata.category(character) not in _REFUSED and character not in _REORDERING)
        for character in text
    )


def printable(text: str) -> str:
    r"""Return a text with its control characters escaped, as `\x1b`; ends of lines and undecodable bytes are kept."""
    if text.isprintable():
        return text
    return "".join(character if is_plain(character, "\n") else _escaped(character) for character in text)


def in_one_line(text: str) -> str:
    r"""Return a text with all control characters escaped, also ends of lines."""
    return printable(text).replace("\n", "\\n")


def _escaped(character: str) -> str:
    is_byte = 0xDC80 <= ord(character) <= 0xDCFF  # of a file's name, which goes to the terminal as it came
    return character if is_byte else character.encode("unicode_escape", "surrogatepass").decode()
