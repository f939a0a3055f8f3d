"""SIGINT and SIGTERM where no handler can answer: in a process that starts, and in a long call of compiled code."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 5.0
_JUST_NOW_SECONDS = 1.0
END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_delivered_at = -float("inf")


@contextmanager
def blocked(numbers: Iterable[signal.Signals] = END_SIGNALS) -> Iterator[None]:
    """Block signals: a process that is started inside has them blocked until it has handlers of its own.

    Otherwise one that arrives while it imports its modules ends it with a traceback.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def unblock(numbers: Iterable[signal.Signals] = END_SIGNALS) -> None:
    """Let signals arrive that were blocked when this process was started."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def note_delivery() -> None:
    """Note that a handler of SIGINT or SIGTERM has run. Every handler that is written in Python must call this."""
    global _delivered_at
    _delivered_at = time.monotonic()


@contextmanager
def answer_when_stuck(answer: Callable[[], None]) -> Iterator[None]:
    """Answer an interrupt inside the block by another thread if the main thread does not within some seconds.

    Python calls handlers in the main thread between two instructions of its own. One that factorizes a large matrix
    comes to the next one after minutes. Outside the main thread, this does nothing.

    Args:
        answer: is to end the process. What is being written then is as after a SIGKILL.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, answer), name="interrupts", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        os.close(writing)  # ends the thread


def _watch(reading: int, answer: Callable[[], None]) -> None:
    if sys.platform != "win32":  # the main thread decides when it takes a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    with os.fdopen(reading, "rb", buffering=0) as arrivals:
        while number := arrivals.read(1):
            arrived = time.monotonic()
            if number[0] in END_SIGNALS and not _is_delivered(arrived):
                answer()


def _is_delivered(arrived: float) -> bool:
    """Wait for the handler; one call of it may answer several signals, and may be over already."""
    while time.monotonic() < arrived + PATIENCE_SECONDS:
        if _delivered_at > arrived - _JUST_NOW_SECONDS:
            return True
        time.sleep(0.05)
    return False
