"""Which of the stored runs or studies a picture is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lodo_bench.cli.options import task_spec
from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.training import TaskSpec


def chosen_task(stored: Iterable[TaskSpec], name: str | None, options: Sequence[str] | None) -> TaskSpec:
    """The one of the `stored` tasks that is asked for.

    Options may be left out where the task is stored with no others, the name where one task is stored.

    Raises:
        UsageError: if it is not stored, or several may be meant.
    """
    found: list[TaskSpec] = []
    for task in stored:
        if task not in found:
            found.append(task)
    if options and name is None:
        raise UsageError("--task-option says something of a task. Name it with --task.")
    if name is not None:
        wanted = task_spec(name, options)
        if wanted in found:
            return wanted
        found = [task for task in found if task.name == name and not options] or [_missing(wanted, found)]
    if len(found) > 1:
        raise UsageError(f"several tasks are stored: {_listed(found)}. Say which, with --task and -t.")
    return found[0]


def _missing(wanted: TaskSpec, found: Sequence[TaskSpec]) -> TaskSpec:
    raise UsageError(f"nothing is stored of {wanted.label}. There are: {_listed(found)}.")


def _listed(tasks: Iterable[TaskSpec]) -> str:
    return ", ".join(task.label for task in tasks)


def chosen_optimizers(stored: Iterable[str], wanted: Sequence[str] | None) -> list[str]:
    """The names in `wanted`, or all that are stored.

    Raises:
        UnknownNameError: if one is not stored.
    """
    found = list(dict.fromkeys(stored))
    for name in wanted or ():
        if name not in found:
            raise UnknownNameError("optimizer", name, found, of="these runs")
    return list(dict.fromkeys(wanted)) if wanted else found
