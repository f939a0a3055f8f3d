"""`lodo-bench list`: tasks, optimizers, experiments and stored results."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, choice
from lodo_bench.errors import UsageError

EXAMPLES = (
    "lodo-bench list tasks",
    "lodo-bench list optimizers lodo",
    "lodo-bench list run-sets --wide",
    "lodo-bench list experiments --json",
)
_LISTS = ("tasks", "optimizers", "experiments", "studies", "run-sets")


def list_(
    what: Annotated[str, typer.Argument(help=f"{', '.join(_LISTS[:-1])} or {_LISTS[-1]}.", metavar="WHAT")],
    name: Annotated[
        str | None, typer.Argument(help="Show everything about one of them.", metavar="NAME", show_default=False)
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Show all columns.")] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """List tasks, optimizers, experiments, studies or run sets."""
    if what == "runs":
        raise UsageError("'list runs' is now 'list run-sets'.")
    choice(what, _LISTS, "list")
    from lodo_bench.cli.views.list import print_list

    print_list(what, name, wide=wide, db=db, json=json)
