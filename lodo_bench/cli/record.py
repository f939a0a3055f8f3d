"""The arguments that name a stored record, `run-set 3` or `study 3`, in the commands that change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lodo_bench.cli.numbers import within
from lodo_bench.cli.options import choice
from lodo_bench.cli.output import echo_err
from lodo_bench.spec.numbers import RECORD

if TYPE_CHECKING:
    from lodo_bench.results.database import Database
    from lodo_bench.results.managing import RecordKind

KINDS = ("study", "run-set")

KindArgument = Annotated[str, typer.Argument(help="study or run-set.", metavar="study|run-set")]
NumberArgument = Annotated[
    int,
    typer.Argument(
        help="Number; see 'lodo-bench list studies' or 'run-sets'.", metavar="N", show_default=False, **within(RECORD)
    ),
]


def record_kind(name: str) -> RecordKind:
    """Return the kind of record with this name.

    Raises:
        UnknownNameError: if there is none.
    """
    return cast("RecordKind", choice(name, KINDS, "kind of record"))


@contextmanager
def opened_database(location: str) -> Iterator[Database]:
    """Open the database at `location`, which must exist, for changes by hand."""
    from lodo_bench.results.database import Database

    with closing(Database(location, create=False, on_notice=echo_err)) as database:
        yield database
