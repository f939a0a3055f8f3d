"""Ctrl-C and SIGTERM, deferred during critical sections."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lodo_bench.compute.signals import END_SIGNALS, note_delivery


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Deliver an interrupt that arrives inside the block at its end, and a second one at once.

    A signal without a Python handler, as SIGTERM by default, is left alone. Outside the main thread, which receives all
    signals, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: handler for number in END_SIGNALS if callable(handler := signal.getsignal(number))}
    arrived: list[int] = []

    def defer(number: int, frame: FrameType | None) -> None:
        note_delivery()
        arrived.append(number)
        if len(arrived) > 1:
            handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, defer)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if arrived:
            handlers[signal.Signals(arrived[0])](arrived[0], None)


@contextmanager
def preserve_signal_handlers() -> Iterator[None]:
    """Restore the signal handlers that the block replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in END_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
