"""`lodo-bench compare`: two run sets side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import DatabasesOption, JsonOption, choice, open_results
from lodo_bench.errors import UsageError
from lodo_bench.spec.numbers import RECORD

EXAMPLES = (
    "lodo-bench compare run-set 3 5",
    "lodo-bench compare run-set 3 1003 --db laptop.db --db server.db",
)


def compare(
    kind: Annotated[str, typer.Argument(help="run-set.", metavar="run-set")],
    first: Annotated[
        int,
        typer.Argument(
            help="Number; see 'lodo-bench list run-sets'.", metavar="A", show_default=False, **within(RECORD)
        ),
    ],
    second: Annotated[int, typer.Argument(help="Another number.", metavar="B", show_default=False, **within(RECORD))],
    db: DatabasesOption = None,
    json: JsonOption = False,
) -> None:
    """Compare two run sets: the settings that differ, the losses seed by seed, and the speeds.

    With several databases, use the numbers that 'list run-sets' shows for the same --db options.
    """
    choice(kind, ("run-set",), "kind of record")
    if first == second:
        raise UsageError(f"run set {first} is given twice. Give two numbers.")
    from lodo_bench.analysis.differences import compare_two
    from lodo_bench.cli.views.compare import print_difference

    results = open_results(db)
    records = results.run_set(first), results.run_set(second)
    print_difference(records, compare_two(*records), results, json)
