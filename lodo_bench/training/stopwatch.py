"""The training clock: wall time of training alone, paused for everything else (LODO App. H)."""

from __future__ import annotations

import time
from types import TracebackType

import torch


class Stopwatch:
    """Adds up the wall time spent inside its `with` blocks, in seconds.

    On a GPU, where work is only queued, each end of a block waits for the device, so that the time of a block is the
    time of the work that was started in it.

    Args:
        device: the device whose work is timed.
    """

    def __init__(self, device: str) -> None:
        self._synchronize = torch.cuda.synchronize if device == "cuda" else _nothing_to_wait_for
        self._started = 0.0
        self.seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._synchronize()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._synchronize()
        self.seconds += time.perf_counter() - self._started


def _nothing_to_wait_for() -> None:
    """The CPU has finished a call when it returns."""
