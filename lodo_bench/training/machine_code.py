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


def code_failure(task: TaskSpec, optimizer: OptimizerSpec, compute: ComputeSpec) -> str | None:
    """Take a step with Numba's code for a task and an optimizer, of one small problem.

    The sizes of a problem do not matter to the compiler, so a task with machine code is tried with its default options,
    and an optimizer on another task on one that is built at once.

    Returns:
        What fails; None if nothing does, there is no such code, or what fails is not the compiler's: whoever trains
        then finds out.
    """
    parts = TASKS.load(task.name), load_optimizer(optimizer)
    if compute.backend != "numba" or not any(qualified_name(part) in numba.CLASSES for part in parts):
        return None
    small = TaskSpec(task.name) if qualified_name(parts[0]) in numba.CLASSES else _OTHER_TASK
    hyperparameters = {h.name: h.initial for h in parts[1].hyperparameters}
    spec = TrainingSpec(small, optimizer, "tuning", (Individual((0, 0, 0), hyperparameters),), 1, compute=compute)
    try:
        with single_thread():
            Trainer.from_spec(spec).run_steps(1)
    except Exception as error:  # whatever a compiler raises
        return f"its code for {optimizer.name} on {small.name} {first_sentence(error)}" if _is_of(error) else None
    return None


def _is_of(error: Exception) -> bool:
    """Return whether an error is the compiler's."""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(str(name).partition(".")[0] in _COMPILERS for name in (type(error).__module__, *frames))
