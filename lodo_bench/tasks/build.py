"""Construction of a task from a training specification."""

from __future__ import annotations

import torch

from lodo_bench.compute.selection import use_backend
from lodo_bench.seeding import task_generators
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.tasks import TASKS, task_version
from lodo_bench.tasks.base import Task


def build_task(spec: TrainingSpec) -> Task:
    """Build the population of problems that `spec` names, one for each individual, with its device, dtype and backend.

    Raises:
        UsageError: if the task's data is missing, or its code is not of the version in `spec`.
    """
    if spec.task.version:
        TASKS.check_version(spec.task.name, spec.task.version, task_version(spec.task.name, spec.task.options))
    with use_backend(spec.compute.backend):
        return TASKS.load(spec.task.name)(task_generators(spec), getattr(torch, spec.compute.dtype), spec.task.options)
