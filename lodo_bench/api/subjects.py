"""The subjects of final runs: a task and optimizers by name, or those of studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lodo_bench.api.reading import open_store
from lodo_bench.api.requests import RunRequest
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import OPTIMIZERS, optimizer_spec
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS, task_spec, task_version

_DEFAULT_TASK = "quadratic"
Subjects = tuple[TaskSpec, list[tuple[OptimizerSpec, tuple[StudySummary, ...]]]]


def find_subjects(request: RunRequest, on_notice: Callable[[str], None]) -> Subjects:
    """Return the task, and each optimizer with the studies of it that the request names.

    What the request does not name is that of its studies.

    Args:
        request: names a task, optimizers and studies.
        on_notice: called with a message if the database of the studies is upgraded.

    Raises:
        UsageError: if there is no such task, optimizer or study, or they do not fit each other.
    """
    numbers = tuple(dict.fromkeys(request.studies))
    store = open_store(request.db, on_notice) if numbers else None
    studies = [store.study_summary(number) for number in numbers] if store else []
    task, optimizers = _task(request, studies), _optimizers(request, studies)
    for study in studies:
        _check(study, task, optimizers)
    return task, [(each, tuple(study for study in studies if study.spec.optimizer == each)) for each in optimizers]


def _task(request: RunRequest, studies: Sequence[StudySummary]) -> TaskSpec:
    if request.task is not None or not studies:
        return task_spec(request.task or _DEFAULT_TASK, request.task_options)
    if request.task_options:
        raise UsageError("options of a task require its name. Name it, or omit them: studies have their own.")
    first, task = studies[0], studies[0].spec.task
    for other in studies:
        if other.spec.task != task:
            raise UsageError(
                f"study {first.id} is on {task.label}, and study {other.id} on {other.spec.task.label}. Run them one "
                f"after the other."
            )
    return replace(task, version=task_version(TASKS.check(task.name), task.options))


def _optimizers(request: RunRequest, studies: Sequence[StudySummary]) -> list[OptimizerSpec]:
    names = list(dict.fromkeys(request.optimizers))
    if not names and studies:
        if request.optimizer_options or request.recipe or request.space is not None:
            raise UsageError(
                "options, a recipe or a search space of an optimizer require its name. Name it, or omit them: studies "
                "have their own."
            )
        found = [study.spec.optimizer for study in studies]
        current = [replace(each, version=OPTIMIZERS.version(OPTIMIZERS.check(each.name))) for each in found]
        return [each for index, each in enumerate(current) if each not in current[:index]]
    if not names:
        raise UsageError("no optimizer given. Name at least one.")
    if request.optimizer_options and len(names) != 1:
        raise UsageError("optimizer options require exactly one optimizer. Name only the one they belong to.")
    if request.space is not None and len(names) != 1:
        raise UsageError("a search space requires exactly one optimizer. Name only the one it belongs to.")
    return [optimizer_spec(name, request.optimizer_options, request.recipe, request.space) for name in names]


def _check(study: StudySummary, task: TaskSpec, optimizers: Sequence[OptimizerSpec]) -> None:
    """Check that a study is of the task and of one of the optimizers."""
    spec = study.spec
    if spec.task == task and spec.optimizer in optimizers:
        return
    label = f"{spec.optimizer.label} on {spec.task.label}"
    if (spec.optimizer.label, spec.task.label) in [(each.label, task.label) for each in optimizers]:
        raise UsageError(
            f"study {study.id} is of {label} with other code, or another search space, than those of the runs. Tune "
            f"again."
        )
    asked = " or ".join(each.label for each in optimizers)
    raise UsageError(
        f"study {study.id} is of {label}, not of {asked} on {task.label}. Omit the names of the task and the "
        f"optimizer: a study has its own."
    )
