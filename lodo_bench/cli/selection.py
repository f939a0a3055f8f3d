"""Which of the stored runs or studies a picture is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lodo_bench.cli.options import task_spec
from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.records import RunSetRecord, RunSetSpec
from lodo_bench.spec import Parameter, TaskSpec, Value
from lodo_bench.tasks import TASKS


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


class Swept:
    """What runs differ in: a task's option, an optimizer's option or a hyperparameter, by its name or short form.

    Args:
        name: what the user calls it.
        run_sets: those that may be swept over.

    Raises:
        UnknownNameError: if nothing of these runs is called so.
    """

    def __init__(self, name: str, run_sets: Iterable[RunSetRecord]) -> None:
        tables = {id(table): table for r in run_sets for table in _tables(r.spec)}
        everything = [parameter for table in tables.values() for parameter in table]
        matching = [parameter.name for parameter in everything if name in (parameter.name, parameter.short)]
        if not matching:
            raise UnknownNameError("option or hyperparameter", name, {p.name for p in everything}, of="these runs")
        self.name = name if name in matching else matching[0]

    def value_of(self, spec: RunSetSpec) -> Value | None:
        """What it was in runs of this specification; None where there is no such thing."""
        task, optimizer, hyperparameters = _tables(spec)
        for table, given in ((task, spec.task.options), (optimizer, spec.optimizer.options)):
            for parameter in table:
                if parameter.name == self.name:
                    return given.get(self.name, parameter.default)
        return spec.hyperparameters.values.get(self.name) if any(p.name == self.name for p in hyperparameters) else None


def _tables(spec: RunSetSpec) -> tuple[Sequence[Parameter], Sequence[Parameter], Sequence[Parameter]]:
    optimizer = OPTIMIZERS.load(spec.optimizer.name)
    return TASKS.load(spec.task.name).options_table, optimizer.options_table, optimizer.hyperparameters
