"""Paths that the user gives."""

from __future__ import annotations

import os
from pathlib import Path

from lodo_bench.errors import UsageError

LONGEST = 4096  # of Linux, which has the longest


def user_path(given: str | os.PathLike[str], what: str, error: type[UsageError] = UsageError) -> Path:
    """Return a path that the user has given; `~` is the home directory.

    Args:
        given: the path as it was given.
        what: its purpose, for messages, e.g. `output`.
        error: the class of the errors.

    Raises:
        UsageError: an `error`, if it is empty or too long, or cannot be the path of a file.
    """
    text = os.fspath(given)
    if not text.strip():
        raise error(empty(f"the path of the {what}"))
    if len(text) > LONGEST:
        raise error(too_long(f"the path of the {what}", text))
    if "\0" in text:
        raise error(f"{text!r} cannot be the path of the {what}: a path has no zero bytes.")
    path = Path(os.path.expanduser(text))
    if not str(path).startswith("~"):
        return path
    if text.startswith("~"):
        raise error(
            f"'{text}' cannot be the path of the {what}: there is no such home directory. Write ./{text} for a folder "
            f"whose name begins with ~."
        )
    return path.absolute()  # ./~ without its point would be the home directory when it is used


def too_long(what: str, text: str) -> str:
    """Return the message for a path that no system takes; `what` names it."""
    return (
        f"{what} is too long: it has {len(text):,} characters, of {LONGEST:,} at most, and begins with '{text[:40]}'."
    )


def empty(what: str) -> str:
    """Return the message for a path that is empty; `what` names it."""
    return f"{what} is empty, as a variable of the shell is that was not set. Give one, or leave it out."
