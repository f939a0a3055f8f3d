"""A server of the report page."""

from __future__ import annotations

from collections.abc import Callable

from lodo_bench.api.compare import load_report
from lodo_bench.report.html.assemble import page
from lodo_bench.results.changes import ChangeDetector
from lodo_bench.server.http import PageServer
from lodo_bench.server.page_cache import PageCache
from lodo_bench.spec.selection import ReportRequest


def report_server(
    request: ReportRequest, db: str, host: str, port: int, on_notice: Callable[[str], None] = lambda _: None
) -> PageServer:
    """Return a server of the report page, which is built anew when the database has changed.

    The page is built once before this returns, so that errors come now; call `serve_forever` of the server then.

    Args:
        request: the runs, and how to compare them.
        db: results database, a file or an SQLAlchemy URL; it must exist.
        host: name or address to listen at.
        port: 0 to 65535; 0 for any that is free.
        on_notice: called with a message if the database is upgraded.

    Raises:
        UsageError: if the task is unknown, or it is not possible to listen there.
        DatabaseError: if there is no such database.
    """
    load_report(request, (db,), on_notice)  # an upgrade comes first, or it would count as a change
    changes = ChangeDetector(db)
    cache = PageCache(changes.version, lambda version: page(load_report(request, (db,)), version).encode())
    server = PageServer(host, port, cache)
    cache.page()
    return server
