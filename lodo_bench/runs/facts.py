"""Facts about an optimizer on a task, from their code."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from lodo_bench.spec.facts import UNKNOWN, Facts
from lodo_bench.spec.options import Kind
from lodo_bench.spec.run_set import RunSetRecord, RunSetSpec
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec

if TYPE_CHECKING:
    from lodo_bench.tasks.base import Task

T = TypeVar("T")


def facts_of(spec: RunSetSpec) -> Facts:
    """Return what the code of a task and an optimizer states; of code that is not on this machine, nothing."""
    facts = _if_known(lambda: _optimizer_facts(spec.optimizer), UNKNOWN)
    return replace(
        facts,
        is_compiled=_if_known(lambda: _is_compiled(spec), False),
        is_scheduled=facts.is_scheduled or _has_schedule(spec.optimizer),
        bound=_if_known(lambda: _bound(spec.task), None),
        solved_below=_if_known(lambda: _solved_below(spec.task), None),
    )


def with_facts(run_sets: Iterable[RunSetRecord]) -> list[RunSetRecord]:
    """Return run sets, all with facts: those stored by former versions get what the code states now."""
    known: dict[str, Facts] = {}
    completed = []
    for record in run_sets:
        if record.facts is None:
            stated = record.spec.task, record.spec.optimizer, record.spec.compute
            key = repr(stated)  # specifications hold mappings, which are no keys
            if key not in known:
                known[key] = facts_of(record.spec)
            record = replace(record, facts=known[key])
        completed.append(record)
    return completed


def kinds_of(study: StudyRecord) -> Mapping[str, Kind]:
    """Return the kinds of the hyperparameters of a study; of one that a former version stored, those of the code now.

    Nothing is returned if neither tells: the code of its optimizer may not be on this machine.
    """
    return hyperparameter_kinds(study.spec.optimizer) if study.kinds is None else study.kinds


def hyperparameter_kinds(optimizer: OptimizerSpec) -> dict[str, Kind]:
    """Return the kind of each hyperparameter of an optimizer, including those of its recipe.

    Nothing is returned if the code of the optimizer is not on this machine.
    """
    from lodo_bench.optimizers import load_optimizer

    return _if_known(lambda: {option.name: option.kind for option in load_optimizer(optimizer).hyperparameters}, {})


def _if_known(ask: Callable[[], T], otherwise: T) -> T:
    """Return an answer of a registered class, or something else if there is none.

    Its code may not be on this machine any more, or be of another version than the stored options are for.
    """
    try:
        return ask()
    except Exception:  # whatever code outside the package raises
        return otherwise


def _optimizer_facts(optimizer: OptimizerSpec) -> Facts:
    from lodo_bench.optimizers import load_optimizer

    kind = load_optimizer(optimizer)
    told = "Hessian" if "hessian" in kind.needs else ""
    return Facts(str(kind.complexity), is_scheduled=bool(kind.is_scheduled), told=told)


def _is_compiled(spec: RunSetSpec) -> bool:
    from lodo_bench.backends.compiled_loop import has_compiled_loop
    from lodo_bench.optimizers import load_optimizer

    classes = _load_task(spec.task), load_optimizer(spec.optimizer)
    return has_compiled_loop(*classes, spec.compute.backend, spec.optimizer.options)


def _has_schedule(optimizer: OptimizerSpec) -> bool:
    from lodo_bench.optimizers.recipe.options import has_schedule

    return has_schedule(optimizer.recipe)


def _bound(task: TaskSpec) -> LossBound | None:
    bound = _load_task(task).optimal_loss(task.options)
    return None if bound is None or not math.isfinite(bound.loss) else LossBound(str(bound.name), float(bound.loss))


def _solved_below(task: TaskSpec) -> float | None:
    level = _load_task(task).solved_below(task.options)
    return None if level is None or not math.isfinite(level) else float(level)


def _load_task(task: TaskSpec) -> type[Task]:
    from lodo_bench.tasks import TASKS

    return TASKS.load(task.name)
