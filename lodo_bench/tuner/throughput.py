"""The speed of a search, for display."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 30.0


class Throughput:
    """Finished individuals per second, over the last half minute.

    Args:
        clock: the time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._counts: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        """Take in that individuals have finished."""
        self._counts.append((self._clock(), count))

    def per_second(self) -> float:
        """Return the average; NaN before the first individual."""
        now = self._clock()
        while self._counts and self._counts[0][0] < now - _WINDOW_SECONDS:
            self._counts.popleft()
        seconds = min(now - self._started, _WINDOW_SECONDS)
        return sum(count for _, count in self._counts) / seconds if self._counts and seconds > 0 else math.nan
