"""`lodo-bench note`: a note on a study or run set."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption
from lodo_bench.cli.record import KindArgument, NumberArgument, opened_database, record_kind

EXAMPLES = ('lodo-bench note run-set 3 "the laptop was on battery"', 'lodo-bench note run-set 3 ""')


def note(
    kind: KindArgument,
    number: NumberArgument,
    text: Annotated[
        str, typer.Argument(help="The note. It replaces an existing one; an empty text removes it.", metavar="TEXT")
    ],
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write a note on a study or run set, which 'show' and 'list --wide' print."""
    found = record_kind(kind)
    from lodo_bench.cli.views.annotation import print_annotation
    from lodo_bench.results.managing import annotate

    with opened_database(db) as database:
        annotation = annotate(database, found, number, lambda former: former.with_note(text))
    print_annotation(found, number, annotation, json)
