"""`lodo-bench init`: a new experiment file."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.cli.options import JsonOption
from lodo_bench.cli.output import echo_err, print_json
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection

EXAMPLES = (
    "lodo-bench init",
    "lodo-bench init rates.yaml --task rosenbrock --optimizer adam --optimizer torch.optim.SGD",
    "lodo-bench init - --optimizer ./my_optimizer.py:SignMomentum",
)


def init(
    file: Annotated[
        str, typer.Argument(help="The new file, or - to print it. An existing file is kept.", metavar="FILE")
    ] = "experiment.yaml",
    task: Annotated[
        str, typer.Option("--task", "-t", help="Task; see 'lodo-bench list tasks'.", metavar="TASK")
    ] = "quadratic",
    optimizer: Annotated[
        list[str] | None,
        typer.Option(help="Optimizer to compare; repeatable.", metavar="NAME", show_default="lodo, adam"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write an experiment file in which comments explain every key; 'reproduce' runs it as it is."""
    with loading(), no_garbage_collection():
        from lodo_bench.api.init import STANDARD_OUTPUT, write_experiment

    text = write_experiment(file, task, optimizer or ("lodo", "adam"))
    if json:
        print_json({"file": None if file == STANDARD_OUTPUT else file, "text": text})
    elif file == STANDARD_OUTPUT:
        print(text, end="")
    else:
        echo_err(f"Wrote {file}. Run it with 'lodo-bench reproduce {file}'; add --dry-run to see its duration first.")
