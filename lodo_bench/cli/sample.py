"""`lodo-bench sample`: pictures of what a run on `mnist` has learned, or of what its network sees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from lodo_bench.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    DataDirOption,
    open_store,
    resolve_device,
    set_data_directory,
)
from lodo_bench.cli.output import echo_err
from lodo_bench.errors import UsageError
from lodo_bench.files.atomic import whole_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lodo_bench.results.store import Store
    from lodo_bench.spec.compute import Device
    from lodo_bench.spec.run_set import RunSetRecord


def sample(
    run: Annotated[int, typer.Argument(help="The run set's number; see 'lodo-bench list runs'.", metavar="RUN")],
    seed: Annotated[int, typer.Option(min=0, help="Which of its runs.")] = 0,
    images: Annotated[int, typer.Option(min=1, help="How many images.")] = 16,
    inputs: Annotated[
        bool, typer.Option("--inputs", help="The network's inputs in the run's first batch, a row for each image.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            help="The PNG file; run-RUN-seed-SEED-samples.png by default.", metavar="FILE", show_default=False
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.", metavar="DEVICE")] = "cpu",
    data_dir: DataDirOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Draw images with the network that a finished run on mnist has trained, pixel by pixel, and write them as PNG."""
    from lodo_bench.plots.image_grid import write_grid
    from lodo_bench.tasks.sampling import check_generative

    set_data_directory(data_dir)
    place, store = resolve_device(device), open_store(db)
    record = store.run_set(run)
    check_generative(record.spec.task)
    if seed >= record.spec.num_seeds:
        raise UsageError(f"run set {run} has no seed {seed}. Its seeds are 0 to {record.spec.num_seeds - 1}.")
    name = output or f"run-{run}-seed-{seed}-{'inputs' if inputs else 'samples'}.png"
    with whole_file(name) as file:
        if inputs:
            channels = _inputs(record, seed, images)
            write_grid(file, channels.reshape(-1, *channels.shape[2:]), channels.shape[1])
        else:
            write_grid(file, _samples(record, seed, images, place, store), math.ceil(images**0.5))
    echo_err(f"Wrote {name}.")


def _samples(record: RunSetRecord, seed: int, count: int, device: Device, store: Store) -> NDArray[np.uint8]:
    import torch
    from rich.console import Console
    from rich.progress import Progress

    from lodo_bench.seeding import derive_seed
    from lodo_bench.tasks.networks.pixel_cnn import PIXELS
    from lodo_bench.tasks.sampling import sample_digits
    from lodo_bench.training.checkpoint import load_parameters

    assert store.folder is not None, "a database that can be read is not in memory only"
    parameters = load_parameters(store.folder, record.id, seed).values.to(device)
    if not parameters.isfinite().all():
        raise UsageError(
            f"the parameters of run set {record.id}, seed {seed} are not finite: its last step broke them."
        )
    generator = torch.Generator(device).manual_seed(derive_seed("samples", record.spec.task.name, seed))
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("pixels", total=PIXELS)
        return sample_digits(parameters, count, generator, lambda: bar.advance(task)).cpu().numpy()


def _inputs(record: RunSetRecord, seed: int, count: int) -> NDArray[np.uint8]:
    from lodo_bench.spec.compute import ComputeSpec
    from lodo_bench.spec.training import Individual, TrainingSpec
    from lodo_bench.tasks.sampling import first_inputs

    spec = record.spec
    individual = Individual((seed,), spec.hyperparameters.values)
    training = TrainingSpec(
        spec.task, spec.optimizer, "final", (individual,), spec.steps, compute=ComputeSpec(dtype=spec.compute.dtype)
    )
    return first_inputs(training, count).numpy()
