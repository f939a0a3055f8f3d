"""A trial of code outside this package: a few steps, and its state saved and loaded, before anything is stored."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch

from lodo_bench import user_code
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.training.trainer import Trainer
from lodo_bench.training.validation import max_population

_STEPS = 2


def preflight(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec, steps: int) -> None:
    """Take two steps at the default hyperparameters if task or optimizer is code outside this package.

    Args:
        task: of the training.
        optimizer: of the training.
        compute: of the training.
        steps: the planned number of steps.

    Raises:
        UsageError: with the user's own line, if the code raises an error, or evaluates more often than it says; or if
            its state cannot be part of a checkpoint.
    """
    if not (task.version or optimizer.version) or (compute.device == "cuda" and not torch.cuda.is_available()):
        return
    names = " on ".join(spec.name for spec in (optimizer, task) if spec.version or spec is optimizer)
    hyperparameters = {h.name: h.initial for h in load_optimizer(optimizer).hyperparameters}
    spec = TrainingSpec(task, optimizer, "tuning", (Individual((0, 0, 0), hyperparameters),), steps, compute=compute)
    try:
        trainer = Trainer.from_spec(spec)
        _, evaluations = trainer.run_steps(_STEPS)
    except UsageError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise UsageError(f"{names} cannot be trained: {user_code.describe(error)}.") from None
    if evaluations[-1] > _STEPS and max_population(task, optimizer) != 1 and optimizer.space:
        raise UsageError(
            f"{optimizer.name} evaluates more than once in a step. Write 'needs: [closure]' in its search space, so "
            f"that individuals are trained one at a time."
        )
    _check_state(trainer, spec, names)


def _check_state(trainer: Trainer, spec: TrainingSpec, names: str) -> None:
    """Save the state as checkpoints do, load it into a new trainer, and take another step."""
    try:
        file = io.BytesIO()
        torch.save(trainer.state_dict(), file)
        file.seek(0)
        state: Mapping[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        other = Trainer.from_spec(spec)
        other.load_state_dict(state, torch.device(spec.compute.device))
        expected, _ = trainer.run_steps(_STEPS)  # the first loss does not depend on the optimizer's state yet
        found, _ = other.run_steps(_STEPS)
    except Exception as error:  # whatever the user's code raises
        raise UsageError(
            f"the state of {names} cannot be saved, so that interrupted runs could not be resumed: "
            f"{user_code.describe(error)}."
        ) from None
    if spec.compute.device == "cpu" and not torch.equal(expected.nan_to_num(), found.nan_to_num()):
        raise UsageError(
            f"{names} does not resume exactly: after saving and loading its state, the next loss differs. Everything "
            f"that changes during training must be part of its state."
        )
