"""Progress of downloads on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from lodo_bench.tasks.data.fetching import FetchCallback

_LINE_SECONDS = 10


@contextmanager
def fetching_display() -> Iterator[FetchCallback]:
    """Show the progress of downloads inside the block."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield _DownloadDisplay(console, bar)


class _DownloadDisplay:
    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("", total=None, visible=False)
        self._name, self._printed = "", 0.0

    def started(self, name: str, mirror: str) -> None:
        self._print(f"{name} from {mirror}")
        self._name, self._printed = name, time.monotonic()
        self._bar.reset(self._task, total=None, description=name, visible=True)

    def progress(self, done: int, total: int | None) -> None:
        self._bar.update(self._task, completed=done, total=total)
        if not self._console.is_terminal and time.monotonic() - self._printed > _LINE_SECONDS:
            self._printed = time.monotonic()
            self._print(f"{self._name}: {done / 1e6:.1f} MB" + (f" of {total / 1e6:.1f} MB" if total else ""))

    def failed(self, source: str, reason: str) -> None:
        self._print(f"  failed: {source}: {reason}")

    def finished(self, name: str, outcome: str) -> None:
        self._bar.update(self._task, visible=False)
        self._print(f"{name} {outcome}")

    def _print(self, message: str) -> None:
        self._console.print(message, soft_wrap=True, highlight=False, markup=False)
