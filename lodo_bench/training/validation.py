"""Checks that a training is possible on this machine, made once, where a request becomes a specification."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from lodo_bench.compute.selection import check_backend
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.spec.compute import ComputeSpec, Device, DType
from lodo_bench.spec.training import Capability, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS

_NEEDS: Mapping[Capability, str] = {
    "hessian": "needs the hessian of the loss",
    "matrices": "updates matrices and needs parameters with two dimensions",
}


def validate(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec, population: int = 1) -> None:
    """Check everything that a training depends on: device, data, task options, backend and their combination.

    Args:
        task: the task.
        optimizer: the optimizer.
        compute: device, dtype and backend.
        population: the number of individuals trained in lockstep.

    Raises:
        UsageError: if they cannot be trained here.
    """
    check_device(compute.device)
    check_task(task, compute.device, compute.dtype)
    check_backend(compute.backend, compute.device)
    check_pair(task, optimizer)
    limit = max_population(task, optimizer)
    if limit is not None and population > limit:
        raise UsageError(
            f"{optimizer.name} on {task.name} trains at most {limit} individuals in lockstep, not {population}."
        )


def max_population(task: TaskSpec, optimizer: OptimizerSpec) -> int | None:
    """Return the largest number of individuals that can be trained in lockstep; None if there is no limit."""
    limits = (TASKS.load(task.name).max_population, load_optimizer(optimizer).max_population)
    return min((limit for limit in limits if limit is not None), default=None)


def check_device(device: Device) -> None:
    """Check that PyTorch can use `device` here.

    Raises:
        UsageError: if it cannot.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device 'cuda' is not available: PyTorch sees no GPU here. Use 'cpu'.")


def check_task(task: TaskSpec, device: Device, dtype: DType) -> None:
    """Check that the task can be built: that its data is present, and that its options fit each other.

    Raises:
        UsageError: if it cannot.
    """
    TASKS.load(task.name).check(task.options, device, dtype)


def check_pair(task: TaskSpec, optimizer: OptimizerSpec) -> None:
    """Check that the optimizer can work on the task.

    Raises:
        UsageError: if the task does not provide what the optimizer needs, or has too many parameters for it.
    """
    problem, method = TASKS.load(task.name), load_optimizer(optimizer)
    for missing in sorted(method.needs - problem.offers):
        raise UsageError(f"{optimizer.name} {_NEEDS[missing]}, which {task.name} does not provide.")
    dimension = problem.dimension_for(task.options)
    if method.max_dimension is not None and dimension > method.max_dimension:
        raise UsageError(
            f"{optimizer.name} stores n × n numbers and supports at most n = {method.max_dimension:,}; "
            f"{task.label} has n = {dimension:,}."
        )
