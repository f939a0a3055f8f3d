"""The command `lodo-bench`, and `python -m lodo_bench`."""

import sys

from lodo_bench.cli.streams import open_closed_streams


def main() -> None:
    """Run the command line; Ctrl-C while it is loaded shows no traceback."""
    open_closed_streams()
    try:
        from lodo_bench.cli.app import main as run
    except KeyboardInterrupt:
        print("lodo-bench: interrupted. Nothing was stored yet.", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
