"""Ray's processes, apart from the program's own.

The driver of Ray is a process of its own. What befalls it or Ray's servers, a crash or a signal, does not befall the
program, and what they print goes to a file. Between the program and the driver there is a guard, which waits for the
end of either, and then ends all that is left: it does so even if the program was killed.

    program ── guard ── driver ── Ray's servers ── workers

From the guard on they are a session of their own, so that neither Ctrl-C nor a signal to the program's process group
reaches them.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from lodo_bench.compute.signals import unblock
from lodo_bench.compute.starting import start
from lodo_bench.tuner.engines.context import process_context
from lodo_bench.tuner.engines.ray.sessions import adopt_orphans, end_with_parent, kill_session, reap

_POLL_SECONDS = 0.1
_KILL_SECONDS = 10.0


class GuardedDriver:
    """A driver of Ray in a process of its own; use it as a context manager.

    Args:
        drive: what the process does: a function of `request`, and of a connection to this process.
        request: its first argument.
        scratch: a directory that is removed at the end, even if this process is killed.
        grace: the seconds that the driver has to end by itself when this process no longer wants it.

    Attributes:
        connection: the way to the driver. It ends when the driver does.
    """

    def __init__(self, drive: Callable[[Any, Connection], None], request: Any, scratch: Path, grace: float) -> None:
        context = process_context()
        self._grace = grace
        self.connection, theirs = context.Pipe()
        closing, self._closing = context.Pipe(duplex=False)
        inherited = [self.connection, self._closing] if context.get_start_method() == "fork" else []
        self._process = context.Process(  # type: ignore[attr-defined]
            target=_guard, args=(drive, request, theirs, closing, inherited, scratch, grace), daemon=True
        )
        start(self._process)
        theirs.close()
        closing.close()

    def __enter__(self) -> GuardedDriver:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()
        self.connection.close()
        self._process.join(self._grace + _KILL_SECONDS)
        if self._process.exitcode != 0 and sys.platform != "win32":  # the guard was killed itself
            self._process.kill()
            kill_session(self._process.pid, _KILL_SECONDS)


def _guard(
    drive: Callable[[Any, Connection], None],
    request: Any,
    connection: Connection,
    closing: Connection,
    inherited: Sequence[Connection],
    scratch: Path,
    grace: float,
) -> None:
    for other in inherited:
        other.close()
    if sys.platform == "win32":
        drive(request, connection)
        return
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    unblock()
    adopt_orphans()
    driver = os.fork()
    if driver == 0:
        closing.close()
        _drive(drive, request, connection)
    connection.close()
    try:
        _wait(driver, closing, grace)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        kill_session(os.getpid(), _KILL_SECONDS)
        shutil.rmtree(scratch, ignore_errors=True)
        if sys.platform != "linux":
            os.killpg(0, signal.SIGKILL)
        os._exit(0)


def _drive(drive: Callable[[Any, Connection], None], request: Any, connection: Connection) -> None:
    try:
        end_with_parent()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        drive(request, connection)
    finally:
        os._exit(0)


def _wait(driver: int, closing: Connection, grace: float) -> None:
    """Wait until the driver has ended, or is to end and has had its grace."""
    while not closing.poll(_POLL_SECONDS):
        if driver in reap():
            return
    end = time.monotonic() + grace
    while driver not in reap() and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
