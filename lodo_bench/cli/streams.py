"""The standard streams, whatever they are connected to: nothing, a full disk, a reader that has gone."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from typing_extensions import override

_NUM_STREAMS = 3


class OutputError(Exception):
    """Standard output cannot be written.

    It is no `OSError`, which libraries handle in their own ways.

    Attributes:
        reason: why not.
        is_closed: its reader has gone, as `head` does once it has seen enough.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.reason = error.strerror or str(error)
        self.is_closed = error.errno == errno.EPIPE


def open_closed_streams() -> None:
    """Connect each standard stream that is closed to the null device, for child processes, too.

    The next file that is opened would have its descriptor otherwise, and messages would be written into it.
    """
    for descriptor in range(_NUM_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free descriptor
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def guard_streams() -> None:
    """Make standard output raise `OutputError` if it cannot be written, and standard error lose its messages then.

    A search of days must not end because the disk that its messages go to is full.
    """
    if sys.stdout is sys.__stdout__:
        sys.stdout = _wrapped(sys.stdout, _Output)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _wrapped(sys.stderr, _Messages)


def abandon_output() -> None:
    """Write nothing more to standard output, not even what is in its buffer."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


class _Output(io.FileIO):
    @override
    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            raise OutputError(error) from None


class _Messages(io.FileIO):
    @override
    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return memoryview(data).nbytes  # type: ignore[arg-type]


def _wrapped(stream: TextIO | None, kind: Callable[..., io.FileIO]) -> TextIO | None:
    """Return a stream that writes to the same descriptor through another class."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(kind(stream.fileno(), "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
