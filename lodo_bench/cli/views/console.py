"""The terminal: its width, whether it has styles, and what its encoding can show."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from lodo_bench.cli.encoding import writable
from lodo_bench.spec.text import printable


def terminal(*, stderr: bool = False) -> Console:
    """Return the console of standard output or standard error, as wide as the terminal is."""
    stream = sys.stderr if stderr else sys.stdout
    # Rich takes every terminal without cursor control to be 80 columns wide.
    width = shutil.get_terminal_size().columns if stream.isatty() else None
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def has_styles(console: Console) -> bool:
    """Return whether bold text can be told from other text."""
    return console.is_terminal and not console.is_dumb_terminal


def shown(text: str, console: Console) -> str:
    """Return a text as the console shows it: control characters escaped, ASCII forms for what its encoding lacks."""
    return writable(printable(text), getattr(console.file, "encoding", None))


def print_lines(lines: Iterable[Text], console: Console) -> None:
    """Print lines that are laid out already: nothing is wrapped, cropped or colored any further."""
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
