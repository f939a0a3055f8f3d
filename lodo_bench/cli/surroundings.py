"""Environment variables that libraries trust, whatever they contain."""

from __future__ import annotations

import os

from lodo_bench.spec.numbers import Integers, number

# A wider table than this is of no use, and a mistyped width would fill the memory with blanks.
_SIZE = Integers(1, 10_000)
_SIZES = ("COLUMNS", "LINES")


def ignore_unusable_sizes() -> None:
    """Remove sizes of the terminal that are none, so that its own size or the default takes effect."""
    for name in _SIZES:
        if _SIZE.read(number(os.environ.get(name, ""))) is None:
            os.environ.pop(name, None)
