"""Selection of the stored results and of the task that a figure or a table shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.results.reader import Results
from lodo_bench.results.selecting import select_results
from lodo_bench.spec.options import Value, format_value
from lodo_bench.spec.selection import Selection
from lodo_bench.spec.training import TaskSpec
from lodo_bench.user_code import canonical


def select_stored(results: Results, selection: Selection) -> Results:
    """Return the selected results, as `lodo_bench.results.selecting.select_results` does.

    Raises:
        UnknownNameError: also for a task that is neither stored nor known here.
        UsageError: if no stored result has all that is asked for.
    """
    found = select_results(results, selection)
    if selection.task is not None and not (found.run_sets() or found.study_summaries()):
        from lodo_bench.tasks import TASKS  # imports PyTorch

        TASKS.check(selection.task)
    return found


def select_task(stored: Iterable[TaskSpec], name: str | None, options: Mapping[str, Value]) -> TaskSpec:
    """Return the stored task with this name and these options.

    The options may be omitted if the task is stored with only one set of them, the name if only one task is stored.

    Raises:
        UsageError: if there is no such task, or more than one.
    """
    tasks = list({task.key: task for task in stored}.values())
    if options and name is None:
        raise UsageError("task options were given without a task.", remedy=Remedy.CHOOSE_TASK)
    if name is not None:
        wanted = _wanted(name, options, tasks)
        found = [task for task in tasks if task.key == wanted.key]
        if found:
            return found[0]
        same_name = [] if options else [task for task in tasks if task.name == wanted.name]
        if not same_name:
            raise UsageError(f"no results for {wanted.label}. Stored tasks: {_labels(tasks)}.")
        tasks = same_name
    if len(tasks) > 1:
        raise UsageError(f"there are results for several tasks: {_labels(tasks)}.", remedy=Remedy.CHOOSE_TASK)
    return tasks[0]


def _labels(tasks: Iterable[TaskSpec]) -> str:
    return ", ".join(task.label for task in tasks)


def _wanted(name: str, options: Mapping[str, Value], stored: Iterable[TaskSpec]) -> TaskSpec:
    """Return a task with validated options; if its code is not on this machine, with options as they are stored."""
    from lodo_bench.tasks import task_spec  # imports PyTorch

    try:
        return task_spec(name, options)
    except UsageError:
        texts = {option: str(value) for option, value in options.items()}
        for task in stored:
            if task.name == canonical(name) and {o: format_value(v) for o, v in task.options.items()} == texts:
                return task
        if any(task.name == canonical(name) for task in stored) and not options:
            return TaskSpec(canonical(name))
        raise
