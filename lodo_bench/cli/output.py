"""Output on standard output and standard error."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.remedies import explain
from lodo_bench.compute.signals import answer_when_stuck
from lodo_bench.errors import EngineLost, Interrupted, NotStoredError
from lodo_bench.files.json import as_json
from lodo_bench.files.passwords import without_passwords
from lodo_bench.spec.text import printable

_TOLD = "says how to resume"


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document to standard output."""
    print_json_text(as_json(document))


def print_json_text(text: str) -> None:
    """Print JSON to standard output; characters that its encoding lacks are escaped, which keeps their values."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
    print(text)


def echo_err(message: str) -> None:
    """Print a message to standard error; on a terminal, its lines end between words. Control characters are escaped."""
    message = printable(message)
    print(_wrapped(message) if sys.stderr.isatty() else message, file=sys.stderr, flush=True)


def _wrapped(message: str) -> str:
    """Return a message in lines of the terminal's width. Lines that are indented are commands, and are kept whole."""
    width = shutil.get_terminal_size().columns
    fill = partial(textwrap.fill, width=width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(line if line.startswith(" ") else fill(line) for line in message.split("\n"))


def command_line() -> str:
    """Return the command that the user typed, without passwords."""
    return _command(sys.argv[1:])


def _command(arguments: Iterable[str]) -> str:
    words = (word.encode("utf-8", "backslashreplace").decode() for word in arguments)  # bytes that are no text
    return without_passwords(shlex.join(["lodo-bench", *words]))


@contextmanager
def starting() -> Iterator[None]:
    """Tell a user at a terminal that the program is loading, as long as the block takes."""
    is_shown = sys.stderr.isatty()
    if is_shown:
        print("Starting ...", end="\r", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if is_shown:
            print(" " * len("Starting ..."), end="\r", file=sys.stderr, flush=True)


@contextmanager
def resumable(kept: Kept | None = None) -> Iterator[Kept]:
    """Say, when the block is interrupted, loses its engine or cannot store, what is stored and how to resume.

    Args:
        kept: a record of what is stored; an empty one by default.

    Yields:
        The record of what is stored, to be kept up to date inside the block.

    Raises:
        Interrupted, EngineLost, NotStoredError: with the command to type; `--fresh` is left out of it, as it would
            discard what is stored.
    """
    kept = kept or Kept()

    def end() -> None:
        echo_err(f"lodo-bench: interrupted, during a calculation that cannot be stopped. {_resume(kept)}")
        os._exit(Interrupted.exit_code)

    try:
        with answer_when_stuck(end):
            yield kept
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted. {_resume(kept)}") from None
    except (EngineLost, NotStoredError) as error:
        if _TOLD in getattr(error, "__notes__", ()):  # by a block inside this one, which knows more
            raise
        how = "Rerun to resume:" if isinstance(error, EngineLost) else "Then resume with"
        told = type(error)(f"{explain(error)} {_resume(kept, how)}")
        told.add_note(_TOLD)
        raise told from error


def _resume(kept: Kept, how: str = "Rerun to resume:") -> str:
    return f"{kept.sentence()} {how}\n  {_command(argument for argument in sys.argv[1:] if argument != '--fresh')}"
