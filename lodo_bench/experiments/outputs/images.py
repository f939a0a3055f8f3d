"""What the networks of the image task see, and what they draw (LODO Fig. 9, 10)."""

from __future__ import annotations

import math
from functools import partial

import torch

from lodo_bench.errors import UsageError
from lodo_bench.experiments.run import ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.plots.image_grid import write_grid
from lodo_bench.seeding import derive_seed
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.training import Individual, OptimizerSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.sampling import first_inputs, sample_digits
from lodo_bench.training.checkpoint import load_parameters

_INPUTS = 8
_SAMPLES = 16


def inputs(done: ExperimentResult) -> list[Section]:
    """The five channels of some images of the first batch, a row for each image."""
    pieces = []
    for part in done.experiment.parts:
        compute = ComputeSpec(dtype=TASKS.load(part.task.name).default_dtype)
        individual = Individual((0,), {})
        spec = TrainingSpec(part.task, OptimizerSpec("adam"), "final", (individual,), 1, compute=compute)
        channels = first_inputs(spec, _INPUTS).numpy()
        write = partial(write_grid, images=channels.reshape(-1, *channels.shape[2:]), columns=channels.shape[1])
        caption = (
            "A row for each image: what is visible of it, the columns up to the pixel that is to be predicted, the "
            "visible pixels, and the ramps of rows and of columns."
        )
        pieces.append(Section(picture=write, name="inputs", caption=caption))
    return pieces


def samples(done: ExperimentResult) -> list[Section]:
    """Images drawn by the network of each optimizer's first seed."""
    return [piece for record in done.run_sets if (piece := _samples(record, done)) is not None]


def _samples(record: RunSetRecord, done: ExperimentResult) -> Section | None:
    label = record.spec.optimizer.label
    first = record.runs[0]
    if first.status is not Status.COMPLETED:
        return Section(text=f"*{label}, seed {first.seed}: {first.status}, so there is nothing to draw with.*")
    if done.store.folder is None:
        raise UsageError("networks are kept beside a database that is a file. Name one with --db.")
    parameters = load_parameters(done.store.folder, record.id, first.seed).values.to(done.execution.device)
    if not parameters.isfinite().all():
        return Section(text=f"*{label}, seed {first.seed}: the last step broke the network.*")
    seed = derive_seed("samples", record.spec.task.name, first.seed)
    generator = torch.Generator(done.execution.device).manual_seed(seed)
    images = sample_digits(parameters, _SAMPLES, generator).cpu().numpy()
    write = partial(write_grid, images=images, columns=math.ceil(_SAMPLES**0.5))
    name = f"samples-{record.spec.optimizer.name}"
    return Section(
        picture=write, name=name, caption=f"Drawn by the network that {label} has trained, seed {first.seed}."
    )
