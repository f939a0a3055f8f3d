"""`lodo-bench tag`: tags of a study or run set."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption
from lodo_bench.cli.record import KindArgument, NumberArgument, opened_database, record_kind
from lodo_bench.spec.annotation import Annotation

EXAMPLES = (
    "lodo-bench tag run-set 3 final paper",
    "lodo-bench tag run-set 3 paper --remove",
    "lodo-bench report --tag final",
)


def tag(
    kind: KindArgument,
    number: NumberArgument,
    names: Annotated[list[str], typer.Argument(help="Tags: words without spaces or commas.", metavar="NAME...")],
    remove: Annotated[bool, typer.Option("--remove", help="Remove these tags instead of adding them.")] = False,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Tag a study or run set; 'report', 'plot', 'list' and 'export' select by --tag."""
    found = record_kind(kind)
    from lodo_bench.cli.views.annotation import print_annotation
    from lodo_bench.results.managing import annotate

    def change(former: Annotation) -> Annotation:
        return former.without_tags(names) if remove else former.with_tags(names)

    with opened_database(db) as database:
        annotation = annotate(database, found, number, change)
    print_annotation(found, number, annotation, json)
