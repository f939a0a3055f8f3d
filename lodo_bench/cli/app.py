"""The root of the command line, and the only place that turns errors into exit codes.

Nothing heavy is imported before a command runs: `lodo-bench --help` must answer at once.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

import typer

from lodo_bench.cli.data import data
from lodo_bench.cli.export import export
from lodo_bench.cli.list import list_
from lodo_bench.cli.plot import plot
from lodo_bench.cli.remedies import explain
from lodo_bench.cli.report import report
from lodo_bench.cli.reproduce import reproduce
from lodo_bench.cli.run import run
from lodo_bench.cli.sample import sample
from lodo_bench.cli.show import show
from lodo_bench.cli.tune import tune
from lodo_bench.errors import LodoBenchError

app = typer.Typer(
    name="lodo-bench",
    help="Tune, time and compare gradient optimizers, with the same tuning budget for each.",
    epilog="Exit codes: 0 done, 2 bad usage or input, 3 finished but something failed, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(tune)
app.command()(run)
app.command()(reproduce)
app.command()(report)
app.command()(plot)
app.command()(export)
app.command(name="list")(list_)
app.command()(show)
app.command()(sample)
app.add_typer(data, name="data")


def main() -> None:
    """Run the command line; never shows a traceback for what the user can mend."""
    signal.signal(signal.SIGTERM, _end)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except LodoBenchError as error:
        print(f"lodo-bench: {explain(error)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, RuntimeError) as error:
        if not _comes_of_interrupt(error):
            raise
        print("lodo-bench: interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:  # of the place that the output goes to, above all: a full disk, a reader that has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"lodo-bench: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)


def _comes_of_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt is behind it: one that arrives while Python makes a class, as imports do, is wrapped."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


def _end(number: int, frame: FrameType | None) -> None:
    """Who asks the program to end, such as a batch system, is answered as Ctrl-C is."""
    raise KeyboardInterrupt
