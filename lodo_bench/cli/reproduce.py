"""`lodo-bench reproduce`: the paper's tables and figures, or the user's own experiments."""

from __future__ import annotations

from typing import Annotated

import typer

from lodo_bench.api.requests import DEFAULT_DATABASE, ReproduceRequest, WorkersRequest
from lodo_bench.cli.options import (
    AddressOption,
    DatabaseOption,
    DataDirOption,
    DeviceOption,
    EngineOption,
    GpusPerWorkerOption,
    JsonOption,
    WorkersOption,
    set_data_directory,
)
from lodo_bench.cli.output import command_line, resumable, starting
from lodo_bench.cli.signals import loading
from lodo_bench.compute.garbage import no_garbage_collection

EXAMPLES = (
    "lodo-bench reproduce table8 --scale smoke",
    "lodo-bench reproduce table1 --dry-run",
    "lodo-bench reproduce my_experiment.yaml --workers 4 --output my-results",
)


def reproduce(
    experiment: Annotated[
        str,
        typer.Argument(
            help="Table or figure, e.g. table1 (see 'lodo-bench list experiments'), or a YAML file.",
            metavar="NAME|PATH",
        ),
    ],
    scale: Annotated[
        str | None,
        typer.Option(
            help="paper (hours to days), laptop (CPU; default if defined) or smoke (seconds).",
            metavar="SCALE",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and estimated duration only.")] = False,
    workers: WorkersOption = None,
    gpus_per_worker: GpusPerWorkerOption = None,
    address: AddressOption = None,
    engine: EngineOption = "auto",
    device: DeviceOption = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Output directory.",
            metavar="DIR",
            show_default="results/NAME-SCALE",
        ),
    ] = None,
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Reproduce a table or figure of the paper. Reuses stored results; rerun to resume."""
    set_data_directory(data_dir)
    request = ReproduceRequest(
        experiment=experiment,
        scale=scale,
        workers=WorkersRequest(workers, gpus_per_worker, address, engine, device),
        output=output,
        db=db,
        command=command_line(),
    )
    with starting(), loading(), no_garbage_collection():
        from lodo_bench.api.reproduce import estimate, execute_reproduce
        from lodo_bench.cli.views.progress import TerminalReporter
        from lodo_bench.cli.views.reproduce import print_estimate, print_reproduction

    if dry_run:
        print_estimate(estimate(request, TerminalReporter()), json)
        return
    with resumable() as kept:
        done = execute_reproduce(request, TerminalReporter(kept))
    print_reproduction(done, json)
