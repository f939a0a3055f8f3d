"""SIGINT and SIGTERM: both interrupt what is computed; while there is nothing to keep, they end the program at once."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import NoReturn

from lodo_bench.compute.signals import END_SIGNALS, note_delivery

_REPEAT_SECONDS = 0.05
EXIT_CODE = 130
NOTHING_STORED = "Nothing was stored yet."
_Handler = Callable[[int, FrameType | None], None]


def end_at_once(kept: str = "") -> None:
    """Let the signals end the program without Python's own way of ending.

    An exception that arrives while modules are imported, or while Python ends, can appear as another one or as a
    traceback.

    Args:
        kept: a sentence that says what is stored, if anything is to be said of that.
    """
    _handle_with(partial(_end, kept))


def interrupt() -> None:
    """Let both signals raise a KeyboardInterrupt.

    Python prints and drops an exception in a destructor or in a function that C calls. An interrupt that arrives there
    is sent again a moment later.
    """
    _handle_with(_raise)
    sys.unraisablehook = _repeating(sys.unraisablehook)


def leave_interrupted() -> NoReturn:
    """End the program with the exit code of an interrupt, after what is registered to be done at its end.

    `python -m` ends itself with SIGINT, although the interrupt was handled, if it arrived in code that is executed from
    a string, as data classes and named tuples do it when they are created.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(EXIT_CODE)


@contextmanager
def loading() -> Iterator[None]:
    """Let the signals end the program at once inside the block, which imports modules and changes nothing."""
    before = {number: signal.getsignal(number) for number in END_SIGNALS}
    end_at_once(NOTHING_STORED)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handle_with(handler: _Handler) -> None:
    for number in END_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as the shell or nohup wants it
            signal.signal(number, handler)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    note_delivery()
    raise KeyboardInterrupt


def _repeating(otherwise: Callable[[sys.UnraisableHookArgs], object]) -> Callable[[sys.UnraisableHookArgs], None]:
    """Return a hook for dropped exceptions that repeats interrupts, and leaves the others to another hook."""

    def hook(dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            otherwise(dropped)
        elif numbers := [number for number in END_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]:
            timer = threading.Timer(_REPEAT_SECONDS, os.kill, (os.getpid(), numbers[0]))
            timer.daemon = True
            timer.start()

    return hook


def _end(kept: str, number: int, frame: FrameType | None) -> NoReturn:
    if sys.stderr is not None:
        os.write(2, f"lodo-bench: interrupted{'. ' if kept else ''}{kept}\n".encode())
    os._exit(EXIT_CODE)
