"""Clusters that ask for a token, and those that do not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

_MODE = "RAY_AUTH_MODE"
_REFUSAL = b"InvalidAuthToken"


def connect_authenticated(connect: Callable[[], object]) -> None:
    """Connect without a token, and with the user's if the cluster asks for one.

    Ray decides by whether there is a token in the home directory, which it writes there by itself. A connection with a
    token to a cluster without fails later, when workers start.

    Raises:
        ConnectionError: if the cluster asks for another token.
    """
    if _MODE in os.environ:
        connect()
        return
    if not _refused(connect, "disabled"):
        return
    if _refused(connect, "token"):
        raise ConnectionError(
            "it asks for a token, which must be in ~/.ray/auth_token or in the environment variable RAY_AUTH_TOKEN"
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
