"""Commands as the user would type them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lodo_bench.api.requests import DEFAULT_DATABASE
from lodo_bench.errors import UsageError
from lodo_bench.spec.options import Value, exact_text
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

if TYPE_CHECKING:
    from lodo_bench.spec.study import StudySpec

_UNKNOWN = "FILE"


def typed(task: TaskSpec, optimizer: OptimizerSpec | None) -> str:
    """Return the options that name a task and an optimizer; FILE stands for a search space of unknown origin."""
    words = ["--task", task.name, *_assigned("-T", task.options)]
    if optimizer is not None:
        words += ["--optimizer", optimizer.name, *_assigned("-O", optimizer.options)]
        words += [word for space in _spaces(optimizer) for word in ("--space", space)]
        words += _assigned("-R", optimizer.recipe)
    return shlex.join(words)


def _assigned(option: str, values: Mapping[str, Value]) -> list[str]:
    return [word for name, value in values.items() for word in (option, f"{name}={exact_text(value)}")]


def tune_command(study: StudySpec, db: str) -> str:
    """Return the command that continues a search, with every option that is not at its default.

    FILE stands for a schedule that is in no file under its name, as in an experiment.

    Args:
        study: the search.
        db: the database that it is in.
    """
    from lodo_bench.compute.selection import best_backend
    from lodo_bench.tasks import TASKS

    compute, schedule = study.compute, _schedule(study)
    options = {
        "--schedule": "" if schedule == "paper" else schedule,
        "--seed": str(study.seed) if study.seed else "",
        "--device": "" if compute.device == "cpu" else compute.device,
        "--dtype": "" if compute.dtype == TASKS.load(study.task.name).default_dtype else compute.dtype,
        "--backend": "" if compute.backend == best_backend(compute.device) else compute.backend,
        "--db": "" if db == DEFAULT_DATABASE else db,
    }
    given = [f"{name} {shlex.quote(value)}" for name, value in options.items() if value]
    return " ".join(["lodo-bench tune", typed(study.task, study.optimizer), *given])


def _schedule(study: StudySpec) -> str:
    from lodo_bench.optimizers import load_optimizer
    from lodo_bench.tuner.schedule import load_schedules

    name = study.schedule.name
    try:
        found = load_schedules(name, study.task.name)[load_optimizer(study.optimizer).search]
    except UsageError:
        return _UNKNOWN
    return name if found == study.schedule else _UNKNOWN


def _spaces(optimizer: OptimizerSpec) -> list[str]:
    """Return the search space to name, if it is not the optimizer's own one."""
    from lodo_bench.optimizers import optimizer_spec
    from lodo_bench.optimizers.adapted.space_files import shipped_names

    if not optimizer.space or optimizer_spec(optimizer.name, optimizer.options).space == optimizer.space:
        return []
    for name in shipped_names():
        try:
            found = optimizer_spec(optimizer.name, optimizer.options, space=name)
        except UsageError:  # the space of another class
            continue
        if found.space == optimizer.space:
            return [name]
    return [_UNKNOWN]
