"""Selection of the stored task and optimizers that a figure shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lodo_bench.errors import Remedy, UnknownNameError, UsageError
from lodo_bench.spec.options import Value
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import task_spec


def select_task(stored: Iterable[TaskSpec], name: str | None, options: Mapping[str, Value]) -> TaskSpec:
    """Return the stored task with this name and these options.

    The options may be omitted if the task is stored with only one set of them, the name if only one task is stored.

    Raises:
        UsageError: if there is no such task, or more than one.
    """
    tasks = list({(task.name, *sorted(task.options.items())): task for task in stored}.values())
    if options and name is None:
        raise UsageError("task options were given without a task.", remedy=Remedy.CHOOSE_TASK)
    if name is not None:
        wanted = task_spec(name, options)
        if wanted in tasks:
            return wanted
        same_name = [] if options else [task for task in tasks if task.name == name]
        if not same_name:
            raise UsageError(f"no results for {wanted.label}. Stored tasks: {_labels(tasks)}.")
        tasks = same_name
    if len(tasks) > 1:
        raise UsageError(f"there are results for several tasks: {_labels(tasks)}.", remedy=Remedy.CHOOSE_TASK)
    return tasks[0]


def _labels(tasks: Iterable[TaskSpec]) -> str:
    return ", ".join(task.label for task in tasks)


def select_optimizers(stored: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return the given names, or all stored ones if none is given.

    Raises:
        UnknownNameError: if a name is not stored.
    """
    known = list(dict.fromkeys(stored))
    for name in names:
        if name not in known:
            raise UnknownNameError("optimizer", name, known, of="these runs")
    return list(dict.fromkeys(names)) or known
