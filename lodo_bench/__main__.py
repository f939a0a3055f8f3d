"""The command `lodo-bench`, and `python -m lodo_bench`."""


def main() -> None:
    """Run the command line; an interrupt while it is loaded shows no traceback."""
    from lodo_bench.cli.signals import end_at_once

    end_at_once()
    from lodo_bench.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
