"""Text in lines that end between words, and not inside a number or an assignment."""

from __future__ import annotations

import re
import textwrap

# Longer lines are hard to read, however wide the terminal is.
_MAX_WIDTH = 100
# Spaces inside `9.81 ± 0.15`, `p = 0.004`, `loss ≤ 10`, `+54 %`, `0.2 s`, `3 of 8` and `torch 2.13.0`.
_INNER = re.compile(
    r" (?=[±=≤] |%|\+/- |<= )|(?<= [±=≤]) |(?<= \+/-) |(?<= <=) "
    r"|(?<=\d) (?=(?:of \d|s\b|min\b|h\b))|(?<=\d of) (?=\d)| (?=\d+\.\d+\.\d)"
)
_GLUE = "\xa0"


def wrapped(text: str, width: int, bullet: str = "") -> list[str]:
    """Return a text in lines; a word that is longer than a line is left whole.

    Args:
        text: one paragraph.
        width: of the terminal, in columns.
        bullet: begins the first line; the others are indented as far.
    """
    lines = textwrap.wrap(
        _INNER.sub(_GLUE, text),
        max(min(width, _MAX_WIDTH), len(bullet) + 1),
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines] or [bullet.rstrip()]
