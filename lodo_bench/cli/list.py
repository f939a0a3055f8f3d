"""`lodo-bench list`: tasks, optimizers, experiments and stored results."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from lodo_bench.cli.options import (
    DatabasesOption,
    JsonOption,
    OnlyOptimizersOption,
    OnlyTagsOption,
    OnlyTaskOption,
    choice,
    open_results,
    selection,
)
from lodo_bench.errors import UsageError
from lodo_bench.spec.selection import Selection

if TYPE_CHECKING:
    from lodo_bench.results.reader import Results

EXAMPLES = (
    "lodo-bench list tasks",
    "lodo-bench list optimizers lodo",
    "lodo-bench list runs --task quadratic",
    "lodo-bench list run-sets --wide",
    "lodo-bench list experiments --json",
)
_STORED = ("studies", "run-sets")
_LISTS = ("tasks", "optimizers", "experiments", *_STORED)
_ALIASES = {"runs": "run-sets"}


def list_(
    what: Annotated[
        str, typer.Argument(help=f"{', '.join(_LISTS[:-1])} or {_LISTS[-1]} (also: runs).", metavar="WHAT")
    ],
    name: Annotated[
        str | None, typer.Argument(help="Show everything about one of them.", metavar="NAME", show_default=False)
    ] = None,
    task: OnlyTaskOption = None,
    optimizer: OnlyOptimizersOption = None,
    tag: OnlyTagsOption = None,
    wide: Annotated[bool, typer.Option("--wide", help="Show all columns.")] = False,
    db: DatabasesOption = None,
    json: JsonOption = False,
) -> None:
    """List tasks, optimizers, experiments, studies or run sets.

    In the list of run sets, the column 'different' shows the hyperparameters that differ from those of other run sets
    of the same optimizer on the same task. The loss is the mean at the longest step milestone.
    """
    what = _ALIASES.get(what, what)
    choice(what, _LISTS, "list")
    selected = selection(task, optimizer, tags=tag)
    if what not in _STORED and selected != Selection():
        raise UsageError("--task, --optimizer and --tag select stored results: studies and run-sets. Omit them.")
    from lodo_bench.cli.views.list import print_list

    @cache
    def results() -> Results:
        from lodo_bench.figures.selection import select_stored

        return select_stored(open_results(db), selected)

    print_list(what, name, results, wide=wide, json=json)
