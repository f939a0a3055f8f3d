"""`python -m lodo_bench` is `lodo-bench`."""

from lodo_bench.cli.app import main

main()
