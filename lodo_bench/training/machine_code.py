"""A trial of the machine code that a task and an optimizer have, before anything is stored.

A backend may work, and the code of one of its functions not: another version of the compiler refuses it, or a processor
has no such instruction.
"""

from __future__ import annotations

import traceback

from lodo_bench.backends import numba
from lodo_bench.compute.selection import first_sentence, qualified_name
from lodo_bench.compute.threads import single_thread
from lodo_bench.optimizers import load_optimizer
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.trainer import Trainer

_COMPILERS = ("numba", "llvmlite")
_OTHER_TASK = TaskSpec("rosenbrock")  # has no machine code of its own
_OTHER_OPTIMIZER = OptimizerSpec("lars")  # nor has this


def code_failure(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec) -> str | None:
    """Take a step with Numba's code for a task and an optimizer, of one small problem.

    Sizes and options of a problem do not matter to the compiler. Both are tried together if the task is part of
    compiled loops; else the optimizer on a task that is built at once, and the task with an optimizer that is.

    Returns:
        What fails; None if nothing does, there is no such code, or what fails is not the compiler's: whoever trains
        then finds out.
    """
    if compute.backend != "numba":
        return None
    name, has_code = qualified_name(TASKS.load(task.name)), qualified_name(load_optimizer(optimizer)) in numba.CLASSES
    trials = []
    if name in numba.COMPILED_BATCHES:
        trials.append((TaskSpec(task.name), optimizer))
    else:
        if name in numba.CLASSES:
            trials.append((TaskSpec(task.name, TASKS.load(task.name).trial_options), _OTHER_OPTIMIZER))
        if has_code:
            trials.append((_OTHER_TASK, optimizer))
    return next(filter(None, (_failure(*trial, compute) for trial in trials)), None)


def _failure(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec) -> str | None:
    hyperparameters = {h.name: h.initial for h in load_optimizer(optimizer).hyperparameters}
    spec = TrainingSpec(task, optimizer, "tuning", (Individual((0, 0, 0), hyperparameters),), 1, compute=compute)
    try:
        with single_thread():
            Trainer.from_spec(spec).run_steps(1)
    except Exception as error:  # whatever a compiler raises
        return f"its code for {optimizer.name} on {task.name} {first_sentence(error)}" if _is_of(error) else None
    return None


def _is_of(error: Exception) -> bool:
    """Return whether an error is the compiler's."""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(str(name).partition(".")[0] in _COMPILERS for name in (type(error).__module__, *frames))
