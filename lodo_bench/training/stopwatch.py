"""The training clock: wall time of training alone, paused during everything else (LODO App. H)."""

from __future__ import annotations

import time
from types import TracebackType

import torch


class Stopwatch:
    """A clock that accumulates the wall time spent inside its `with` blocks.

    A GPU works asynchronously. So both ends of a block synchronize the device, and the time of a block is the time of
    the work that was started in it.

    Args:
        device: the device whose work is timed.

    Attributes:
        seconds: the accumulated time.
    """

    def __init__(self, device: str) -> None:
        self._synchronize = torch.cuda.synchronize if device == "cuda" else _no_op
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


def _no_op() -> None:
    """Do nothing: on the CPU, a call has finished when it returns."""
