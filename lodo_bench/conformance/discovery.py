"""The classes that a name stands for: those that a file defines, or a single one."""

from __future__ import annotations

import inspect

import torch

from lodo_bench import user_code
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task

Checked = type[Optimizer] | type[Task]


def classes_in(path: str) -> dict[str, Checked]:
    """Return the optimizers and tasks that a file defines, by class name; abstract classes are left out.

    Raises:
        UsageError: if the file cannot be imported, or defines none.
    """
    classes = user_code.defined_classes(path, "file")
    bases = (Optimizer, Task, torch.optim.Optimizer)
    found = [name for name, cls in classes.items() if issubclass(cls, bases) and not inspect.isabstract(cls)]
    if not found:
        raise UsageError(
            f"'{path}' defines no optimizer and no task. Derive a class from lodo_bench.Optimizer, "
            "torch.optim.Optimizer or lodo_bench.Task, and implement all its abstract methods."
        )
    return {name: load_class(f"{path}:{name}") for name in found}


def load_class(name: str) -> Checked:
    """Return the optimizer or the task with this name, which may be any that `Registry` accepts.

    Raises:
        UsageError: if there is none.
    """
    is_task = name in TASKS.names or name in TASKS.entry_points
    if not is_task and name not in OPTIMIZERS.names and user_code.is_outside(name):
        found = user_code.load(name, "class")
        is_task = isinstance(found, type) and issubclass(found, Task)
    return TASKS.load(name) if is_task else OPTIMIZERS.load(name)
