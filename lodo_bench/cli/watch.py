"""`lodo-bench watch`: searches and runs that other processes carry out."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption
from lodo_bench.cli.output import echo_err
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection
from lodo_bench.errors import UsageError
from lodo_bench.spec.numbers import INTERVAL, RECORD

EXAMPLES = (
    "lodo-bench watch",
    "lodo-bench watch --study 3 --interval 10",
    "lodo-bench watch --once --json",
)


def watch(
    study: Annotated[
        int | None,
        typer.Option(
            help="Only this study; see 'lodo-bench list studies'.",
            metavar="NUMBER",
            show_default=False,
            **within(RECORD),
        ),
    ] = None,
    interval: Annotated[
        float, typer.Option(help="Seconds between updates.", metavar="SECONDS", **within(INTERVAL))
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print the current state and exit.")] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Watch searches and runs of other processes in the database, until all are finished or Ctrl-C."""
    if json and not once:
        raise UsageError("--json prints one state. Add --once.")
    with loading(), no_garbage_collection():
        from lodo_bench.api.watch import Watcher
        from lodo_bench.cli.views.watch import print_once, watch_live

    watcher = Watcher(db, study, echo_err)
    if once:
        print_once(watcher, json)
    else:
        watch_live(watcher, interval)
