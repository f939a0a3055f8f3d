"""The memory that a training takes at least, estimated before it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lodo_bench.compute.memory import check_fits, size_text
from lodo_bench.optimizers import load_optimizer
from lodo_bench.optimizers.build import build_optimizer
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.validation import max_population

# Individuals train together as long as they take no more than this. Larger batches would be no faster: from a few MB
# on, they no longer fit in the caches.
LOCKSTEP_BYTES = 2**29
# The parameters and their gradient.
_VECTORS = 2
# A loss is recorded as float64, and all losses are copied once, when the training has ended.
_LOSS_BYTES = 2 * 8
# The dimensions at which an optimizer is built to see how its state grows: with n, or with n².
_PROBES = (64, 128, 256)


@dataclass(frozen=True, slots=True)
class Footprint:
    """The memory of a training: parameters, gradients, and the states of the task and the optimizer.

    Data sets, a network's activations, recorded losses and intermediate results come on top.

    Attributes:
        shared: the bytes that all individuals share.
        each: the bytes of each individual.
    """

    shared: int
    each: int

    def of(self, population: int) -> int:
        """Return the bytes of individuals that train in lockstep."""
        return self.shared + population * self.each


def footprint(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec) -> Footprint:
    """Estimate the memory of a training, of which nothing is allocated."""
    kind, itemsize = TASKS.load(task.name), getattr(torch, compute.dtype).itemsize
    n = kind.dimension_for(task.options)
    one, two = (kind.numbers_for(task.options, population) for population in (1, 2))
    each = (two - one + _VECTORS * n) * itemsize + _optimizer_bytes(task, optimizer, n, compute)
    return Footprint((2 * one - two) * itemsize, each)


def lockstep_size(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec, steps: int, population: int) -> int:
    """Return the largest number of individuals to be trained together, from 1 to `population`.

    It follows from the arguments alone, not from the machine: runs that train together share a checkpoint.
    """
    each = footprint(task, optimizer, compute).each + steps * _LOSS_BYTES
    return max(1, min(population, LOCKSTEP_BYTES // each, max_population(task, optimizer) or population))


def check_memory(
    task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec, population: int = 1, workers: int = 1
) -> None:
    """Make sure that trainings fit in the memory that is free now.

    Args:
        task: of the trainings.
        optimizer: likewise.
        compute: likewise.
        population: the number of individuals that train in lockstep.
        workers: the number of such trainings at the same time, on this machine.

    Raises:
        UsageError: with the memory that they need, and the memory that is free.
    """
    needed = footprint(task, optimizer, compute).of(population)
    parts = f"{workers} workers with {size_text(needed)} each" if workers > 1 else ""
    check_fits(f"{optimizer.name} on {task.label}", workers * needed, compute.device, parts)


def _optimizer_bytes(task: TaskSpec, optimizer: OptimizerSpec, n: int, compute: ComputeSpec) -> int:
    """Return the bytes of an optimizer's state, a + b n + c n², from those of small ones.

    An optimizer that cannot be built for a vector, such as one for matrices, is taken to have no state.
    """
    small = ComputeSpec(dtype=compute.dtype, backend="torch")
    values = {h.name: h.initial for h in load_optimizer(optimizer).hyperparameters}
    spec = TrainingSpec(task, optimizer, "tuning", (Individual((0, 0, 0), values),), 1, compute=small)
    try:
        found = [
            _bytes(build_optimizer(spec, torch.zeros(1, size, dtype=getattr(torch, compute.dtype))).state_dict())
            for size in _PROBES
        ]
    except Exception:  # whatever the user's code raises; the trial of its steps reports it
        return 0
    squares = np.polynomial.Polynomial.fit(_PROBES, found, 2).convert().coef.round(6)
    return max(0, int(np.polynomial.Polynomial(squares)(n)))


def _bytes(state: object) -> int:
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, Mapping):
        return sum(map(_bytes, state.values()))
    if isinstance(state, Iterable) and not isinstance(state, str | bytes):
        return sum(map(_bytes, state))
    return 0
