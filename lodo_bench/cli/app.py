"""The root of the command line, and the only place that turns errors into exit codes.

Nothing heavy is imported before a command runs: `lodo-bench --help` must answer at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated

import typer

from lodo_bench import __version__
from lodo_bench.cli import (
    compare,
    delete,
    doctor,
    export,
    init,
    note,
    plot,
    report,
    reproduce,
    run,
    sample,
    serve,
    show,
    tag,
    tune,
    watch,
)
from lodo_bench.cli import list as listing
from lodo_bench.cli.config import config
from lodo_bench.cli.data import data
from lodo_bench.cli.encoding import keep_writable
from lodo_bench.cli.output import echo_err
from lodo_bench.cli.remedies import explain
from lodo_bench.cli.renamed import Command, examples
from lodo_bench.cli.signals import NOTHING_STORED, end_at_once
from lodo_bench.cli.streams import OutputError, abandon_output, guard_streams
from lodo_bench.cli.surroundings import ignore_unusable_sizes
from lodo_bench.errors import LodoBenchError

app = typer.Typer(
    name="lodo-bench",
    help="Tune, time and compare gradient optimizers, with the same tuning budget for each.",
    epilog="Exit codes: 0 done, 2 bad usage or input, 3 finished but something failed, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=Command, epilog=examples(*init.EXAMPLES))(init.init)
app.command(cls=Command, epilog=examples(*tune.EXAMPLES))(tune.tune)
app.command(cls=Command, epilog=examples(*run.EXAMPLES))(run.run)
app.command(cls=Command, epilog=examples(*reproduce.EXAMPLES))(reproduce.reproduce)
app.command(cls=Command, epilog=examples(*watch.EXAMPLES))(watch.watch)
app.command(cls=Command, epilog=examples(*report.EXAMPLES))(report.report)
app.command(cls=Command, epilog=examples(*serve.EXAMPLES))(serve.serve)
app.command(cls=Command, epilog=examples(*plot.EXAMPLES))(plot.plot)
app.command(cls=Command, epilog=examples(*export.EXAMPLES))(export.export)
app.command(cls=Command, name="list", epilog=examples(*listing.EXAMPLES))(listing.list_)
app.command(cls=Command, epilog=examples(*show.EXAMPLES))(show.show)
app.command(cls=Command, epilog=examples(*compare.EXAMPLES))(compare.compare)
app.command(cls=Command, epilog=examples(*note.EXAMPLES))(note.note)
app.command(cls=Command, epilog=examples(*tag.EXAMPLES))(tag.tag)
app.command(cls=Command, epilog=examples(*delete.EXAMPLES))(delete.delete)
app.command(cls=Command, epilog=examples(*sample.EXAMPLES))(sample.sample)
app.add_typer(data, name="data")
app.add_typer(config, name="config")
app.command(cls=Command, epilog=examples(*doctor.EXAMPLES))(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lodo-bench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options before a command."""


def main() -> None:
    """Run the command line; never show a traceback for an error of the user."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        print("lodo-bench: the working directory has been removed. Change to another one with cd.", file=sys.stderr)
        sys.exit(2)
    if folder not in sys.path:
        sys.path.append(folder)  # classes of the working directory: `lodo-bench run my_module:MyOptimizer`
    guard_streams()
    ignore_unusable_sizes()
    for stream in (sys.stdout, sys.stderr):
        keep_writable(stream)
    end_at_once(NOTHING_STORED)
    atexit.register(gc.freeze)  # Python would search everything for garbage once more, which takes up to a second
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except LodoBenchError as error:
        echo_err(f"lodo-bench: {explain(error)}")
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, RuntimeError) as error:
        if not _comes_of_interrupt(error):
            raise
        print("lodo-bench: interrupted", file=sys.stderr)
        sys.exit(130)
    except OutputError as error:
        abandon_output()
        if error.is_closed:  # its reader has seen enough
            sys.exit(0)
        echo_err(
            f"lodo-bench: cannot write to standard output: {error.reason}. Results are stored as soon as they are "
            f"computed: once there is room, the same command continues from them."
        )
        sys.exit(2)
    except OSError as error:
        abandon_output()
        reason = error.strerror or str(error)
        message = f"'{error.filename}': {reason}" if error.filename else reason
        echo_err(f"lodo-bench: {message}. Everything that was stored before is kept.")
        sys.exit(2)


def _comes_of_interrupt(error: BaseException | None) -> bool:
    """Return True if an interrupt caused it: Python wraps one that arrives while a class is created, as by imports."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None
