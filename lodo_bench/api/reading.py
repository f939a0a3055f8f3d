"""Results databases that are read. Imports no PyTorch, so that commands that only read answer quickly."""

from __future__ import annotations

from collections.abc import Callable

from lodo_bench.results.database import Database
from lodo_bench.results.store import Store


def open_store(location: str, on_notice: Callable[[str], None] = lambda _: None) -> Store:
    """Open the results at `location`, which must exist; `on_notice` receives the notice of an upgrade."""
    return Store(Database(location, create=False, on_notice=on_notice))
