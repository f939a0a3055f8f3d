"""The command `lodo-bench`, and `python -m lodo_bench`."""

from lodo_bench.cli.signals import EXIT_CODE, NOTHING_STORED, end_at_once, leave_interrupted
from lodo_bench.cli.streams import open_closed_streams


def main() -> None:
    """Run the command line; an interrupt while it is loaded shows no traceback."""
    open_closed_streams()
    end_at_once(NOTHING_STORED)
    from lodo_bench.cli.app import main as run

    try:
        run()
    except SystemExit as end:
        if end.code == EXIT_CODE:
            leave_interrupted()
        raise


if __name__ == "__main__":
    main()
