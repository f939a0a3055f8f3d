"""Clusters that ask for a token, and those that do not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

_MODE = "RAY_AUTH_MODE"
_REFUSAL = b"InvalidAuthToken"


class TokenRefused(Exception):
    """The cluster asks for another token than this user has; the message says what to do."""


def connect_authenticated(connect: Callable[[], object]) -> None:
    """Connect without a token, and with the user's if the cluster asks for one.

    Ray decides by whether there is a token in the home directory, which it writes there by itself. A connection with a
    token to a cluster without fails later, when workers start. Where the environment says which it is, that is done.

    Raises:
        TokenRefused: if the cluster asks for another token.
    """
    chosen = os.environ.get(_MODE)
    if all(_refused(connect, mode) for mode in ([chosen] if chosen else ["disabled", "token"])):
        hint = f" {_MODE} is '{chosen}' here: unset it." if chosen == "disabled" else ""
        raise TokenRefused(
            f"it asks for a token.{hint} Copy its token to ~/.ray/auth_token, or set the environment variable "
            f"RAY_AUTH_TOKEN to it: on the cluster's first machine, 'ray get-auth-token' prints it."
        )


def use_authentication(mode: str) -> None:
    """Have this process and those that it starts use tokens (`token`) or not (`disabled`)."""
    from ray._raylet import Config  # type: ignore[attr-defined]  # compiled

    os.environ[_MODE] = mode
    Config.initialize("")  # reads the environment again


def _refused(connect: Callable[[], object], mode: str) -> bool:
    """Connect in an authentication mode; return whether it was refused because of the token."""
    use_authentication(mode)
    with _captured_stderr() as stderr:
        try:
            connect()
        except Exception as error:
            stderr.seek(0)
            if _REFUSAL in stderr.read() or "token" in str(error).lower():
                return True
            raise
    return False


@contextmanager
def _captured_stderr() -> Iterator[BinaryIO]:
    """Redirect what Ray's C++ code writes to standard error into a file."""
    saved = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield file
            finally:
                os.dup2(saved, 2)
    finally:
        os.close(saved)
