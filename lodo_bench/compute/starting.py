"""The start of worker processes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from signal import Signals
from types import ModuleType

from lodo_bench.compute.signals import END_SIGNALS, blocked


def start(process: BaseProcess, numbers: Iterable[Signals] = END_SIGNALS) -> None:
    """Start a process that has signals blocked until it unblocks them, and that does not import this program's script.

    Python imports the script in each process that is not forked, so that it can use what is defined there. Nothing that
    is defined in a script is used here, and one without the line `if __name__ == "__main__":` would run once more.
    """
    if sys.platform != "win32" and getattr(process, "_start_method", None) != "fork":
        # The first start of a process would start Python's tracker of resources, which unblocks the signals.
        resource_tracker.ensure_running()
    with blocked(numbers), _no_script():
        process.start()


@contextmanager
def _no_script() -> Iterator[None]:
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
