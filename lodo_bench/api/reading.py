"""Results databases that are read. Imports no PyTorch, so that commands that only read answer quickly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lodo_bench.errors import UsageError
from lodo_bench.files.passwords import without_passwords
from lodo_bench.results.database import Database
from lodo_bench.results.location import place_of
from lodo_bench.results.merged import MergedResults
from lodo_bench.results.reader import Results
from lodo_bench.results.store import Store


def open_store(location: str, on_notice: Callable[[str], None] = lambda _: None) -> Store:
    """Open the results at `location`, which must exist; `on_notice` receives the notice of an upgrade."""
    return Store(Database(location, create=False, on_notice=on_notice))


def open_results(locations: Sequence[str], on_notice: Callable[[str], None] = lambda _: None) -> Results:
    """Open one database, or several that are read as one.

    Args:
        locations: files or SQLAlchemy URLs, at least one; each must exist.
        on_notice: receives the notice of an upgrade, and with several databases how their results are numbered.

    Raises:
        UsageError: if a database is given twice, however it is written.
        DatabaseError: if one cannot be read.
    """
    if len({place_of(location) for location in locations}) < len(locations):
        shown = ", ".join(map(without_passwords, locations))
        raise UsageError(f"a database is given twice: {shown}. Give each once.")
    stores = [(without_passwords(location), open_store(location, on_notice)) for location in locations]
    if len(stores) == 1:
        return stores[0][1]
    merged = MergedResults(stores)
    on_notice(merged.numbering)
    return merged
