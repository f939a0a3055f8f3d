"""Reading and writing results: the only interface to the database."""

from __future__ import annotations

from lodo_bench.results.run_set_store import RunSetStore
from lodo_bench.results.study_store import StudyStore


class Store(StudyStore, RunSetStore):
    """Studies and run sets in a database. Every call is one transaction.

    Args:
        database: the open database.
        provenance: of this process, stored with everything that it writes; None for a store that is only read.
    """
