"""A page that is built once for each version of its data."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# A page that takes long to build is kept for several times as long, or its building would be all that is done.
_PATIENCE_FACTOR = 4.0
_LONGEST_SECONDS = 60.0


class PageCache:
    """The latest page, for several threads.

    Args:
        read_version: returns the version of the data.
        build: returns the page for a version.
        clock: the time in seconds.
    """

    def __init__(
        self,
        read_version: Callable[[], str],
        build: Callable[[str], bytes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_version, self._build, self._clock = read_version, build, clock
        self._lock = threading.Lock()
        self._built: tuple[str, bytes] | None = None
        self._kept_until = 0.0

    def version(self) -> str:
        """Return the version that a request for the page would get now."""
        built = self._built
        return built[0] if built is not None and self._clock() < self._kept_until else self._read_version()

    def page(self) -> bytes:
        """Return the page; one thread builds it, and the others wait for that page instead of building it again."""
        with self._lock:
            version = self.version()  # before it is built: whatever comes later is another version
            if self._built is None or self._built[0] != version:
                started = self._clock()
                self._built = version, self._build(version)
                ended = self._clock()
                self._kept_until = ended + min(_LONGEST_SECONDS, _PATIENCE_FACTOR * (ended - started))
            return self._built[1]
