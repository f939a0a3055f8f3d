"""`lodo-bench serve`: the report page, in a browser, as results come."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, OnlyTaskOption
from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.spec.numbers import PORT
from lodo_bench.spec.selection import ReportRequest, Selection

EXAMPLES = (
    "lodo-bench serve",
    "lodo-bench serve --task quadratic --port 0",
)


def serve(
    port: Annotated[int, typer.Option(help="Port; 0 for any that is free.", metavar="PORT", **within(PORT))] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines read the page.", metavar="HOST")
    ] = "127.0.0.1",
    task: OnlyTaskOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Serve the report page. It reloads itself in the browser when the database changes. End with Ctrl-C."""
    with loading(), no_garbage_collection():
        from lodo_bench.api.serve import report_server

    with report_server(ReportRequest(Selection(task)), db, host, port, echo_err) as server:
        try:
            if json:
                print_json({"address": server.address})
            else:
                print(f"The report is at {server.address} (end with Ctrl-C).")
            sys.stdout.flush()
            server.serve_forever()
        except KeyboardInterrupt:
            return
