"""Output in any encoding: characters that a stream cannot write are replaced by ASCII forms."""

from __future__ import annotations

import codecs
import io
import unicodedata
from collections.abc import Mapping
from typing import TextIO

_HANDLER = "lodo_bench.ascii_forms"
_FORMS: Mapping[str, str] = {
    "±": "+/-",
    "×": "x",
    "·": "*",
    "–": "-",
    "—": "-",
    "−": "-",
    "†": "+",
    "‡": "#",
    "•": "*",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "‖": "||",
    "√": "sqrt ",
    "σ": "sigma",
    "β": "beta",
    "ł": "l",
    "ø": "o",
    "ß": "ss",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "✓": "+",
    "✕": "x",
    "✗": "x",
    "─": "-",
    "━": "=",
    "╸": "=",
    "╺": "-",
    "│": "|",
}
_BOXES = range(0x2500, 0x2580)
_SURROGATES = range(0xDC80, 0xDD00)


def keep_writable(stream: TextIO | None) -> None:
    """Make a stream replace what it cannot write, instead of raising an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_HANDLER)


def writable(text: str, encoding: str | None) -> str:
    """Return `text` as a stream in this encoding would show it, so that it can be aligned.

    Args:
        text: any text.
        encoding: of the stream; None for one that takes any text.
    """
    return text if encoding is None else text.encode(encoding, _HANDLER).decode(encoding, "replace")


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    refused = error.object[error.start : error.end]
    is_wide = error.encoding.startswith(("utf-16", "utf-32"))  # units of several bytes, which single ones would shift
    if not is_wide and all(ord(character) in _SURROGATES for character in refused):
        # The undecodable bytes of a file's name, which go back to the terminal as they came.
        return bytes(ord(character) - 0xDC00 for character in refused), error.end
    return "".join(map(_form, refused)), error.end


def _form(character: str) -> str:
    """Return the ASCII form of a character, or its base letter; a question mark if there is neither."""
    if character in _FORMS:
        return _FORMS[character]
    if ord(character) in _BOXES:
        return "+"
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


codecs.register_error(_HANDLER, _replace)
