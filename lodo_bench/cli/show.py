"""`lodo-bench show`: one study or run set."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import DatabasesOption, JsonOption, choice, open_results
from lodo_bench.errors import UsageError
from lodo_bench.spec.numbers import RECORD
from lodo_bench.spec.numbers import number as read_number

EXAMPLES = ("lodo-bench show study 3", "lodo-bench show run-set 3 --json")
_KINDS = ("study", "run-set")


def show(
    kind: Annotated[str, typer.Argument(help="study or run-set.", metavar="study|run-set")],
    number: Annotated[
        int | None,
        typer.Argument(help="Number; see 'lodo-bench list studies' or 'run-sets'.", metavar="N", **within(RECORD)),
    ] = None,
    db: DatabasesOption = None,
    json: JsonOption = False,
) -> None:
    """Show a study generation by generation, or a run set run by run, with all settings and the commands."""
    if read_number(kind) is not None:
        raise UsageError(f"'show {kind}' is ambiguous. Write 'show study {kind}' or 'show run-set {kind}'.")
    choice(kind, _KINDS, "kind of record")
    if number is None:
        raise UsageError(f"the number is missing. Write, for example, 'show {kind} 1'.")
    from lodo_bench.cli.views.show import show_run_set, show_study

    results = open_results(db)
    if kind == "study":
        show_study(results.study(number), results, json)
    else:
        show_run_set(results.run_set(number), results, json)
