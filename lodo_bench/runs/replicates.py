"""Replicates: how many final runs one choice of settings needs, and with which seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lodo_bench.optimizers import load_optimizer
from lodo_bench.spec.run_set import Hyperparameters, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS


def is_deterministic(task: TaskSpec, optimizer: OptimizerSpec) -> bool:
    """Return whether no seed changes a final run, because neither the task nor the optimizer draws random numbers."""
    return not (TASKS.load(task.name).is_random(task.options) or load_optimizer(optimizer).is_random)


def run_set_specs(spec: RunSetSpec, hyperparameters: Sequence[Hyperparameters]) -> list[RunSetSpec]:
    """Return the run sets at the results of several searches, or at one other choice of hyperparameters.

    Each has seeds of its own, so that searches share no randomness: the r-th of them, r = 0, 1, ..., has the seeds rK
    to rK + K − 1. Where no seed changes anything, K = 1.

    Args:
        spec: the settings that they share, with K seeds.
        hyperparameters: those of each run set.
    """
    if is_deterministic(spec.task, spec.optimizer):
        spec = replace(spec, num_seeds=1, deterministic=True)
    return [
        replace(spec, hyperparameters=values, first_seed=index * spec.num_seeds)
        for index, values in enumerate(hyperparameters)
    ]
