"""`lodo-bench delete`: studies and run sets."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption
from lodo_bench.cli.output import echo_err
from lodo_bench.cli.record import KindArgument, opened_database, record_kind
from lodo_bench.errors import UsageError
from lodo_bench.spec.numbers import RECORD

EXAMPLES = ("lodo-bench delete run-set 3 4", "lodo-bench delete study 2 --with-runs --yes")


def delete(
    kind: KindArgument,
    numbers: Annotated[
        list[int],
        typer.Argument(help="Numbers; see 'lodo-bench list studies' or 'run-sets'.", metavar="N...", **within(RECORD)),
    ],
    with_runs: Annotated[
        bool, typer.Option("--with-runs", help="For a study: also delete the run sets at its result.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Delete studies or run sets with their curves, checkpoints and stored networks. This cannot be undone."""
    found = record_kind(kind)
    if with_runs and found != "study":
        raise UsageError("--with-runs is for studies. Omit it.")
    from lodo_bench.cli.views.delete import deletion_text, print_deletion
    from lodo_bench.results.managing import delete_records, plan_deletion

    with opened_database(db) as database:
        planned = deletion_text(plan_deletion(database, found, numbers, with_runs=with_runs))
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(f"this would delete {planned}. To do so without being asked, add --yes.")
            if not typer.confirm(f"Delete {planned}?", err=True):
                echo_err("Nothing is deleted.")
                return
        deletion = delete_records(database, found, numbers, with_runs=with_runs)
    print_deletion(deletion, json)
