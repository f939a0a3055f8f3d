"""Every setting of a stored record as text, by title; one that is not set is empty."""

from __future__ import annotations

from collections.abc import Mapping

from lodo_bench.spec.options import Value, format_value
from lodo_bench.spec.run_set import RunSetSpec
from lodo_bench.spec.space import Space
from lodo_bench.spec.study import StudySpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec


def run_set_settings(spec: RunSetSpec) -> dict[str, str]:
    """Return every setting of a run set as text, by title, except hyperparameters."""
    return {
        **_task(spec.task),
        **_optimizer(spec.optimizer),
        "hyperparameters from": spec.hyperparameters.label,
        "steps": f"{spec.steps:,}",
        "seconds": "" if spec.seconds is None else f"{spec.seconds:g}",
        "seeds": f"{spec.seeds[0]} to {spec.seeds[-1]}" + (" (deterministic)" if spec.deterministic else ""),
        "timed": "yes" if spec.timed else "no",
        "device": spec.compute.device,
        "dtype": spec.compute.dtype,
        "backend": spec.compute.backend,
    }


def study_settings(spec: StudySpec) -> dict[str, str]:
    """Return every setting of a study as text, by title."""
    schedule = spec.schedule
    plans = ", ".join(f"{plan.sigma:g} / {plan.steps:,}" for plan in schedule.generations)
    return {
        **_task(spec.task),
        **_optimizer(spec.optimizer),
        "schedule": schedule.name,
        "population": str(schedule.population),
        "generations (σ / steps)": plans,
        "decays searched by": schedule.decay_transform,
        "seed": str(spec.seed),
        "device": spec.compute.device,
        "dtype": spec.compute.dtype,
        "backend": spec.compute.backend,
    }


def _task(task: TaskSpec) -> dict[str, str]:
    return {"task": task.name, "task options": _values(task.options), "task version": task.version}


def _optimizer(optimizer: OptimizerSpec) -> dict[str, str]:
    return {
        "optimizer": optimizer.name,
        "optimizer options": _values(optimizer.options),
        "recipe": _values(optimizer.recipe),
        "optimizer version": optimizer.version,
        "search space": Space.from_json(optimizer.space).describe() if optimizer.space else "",
    }


def _values(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={format_value(value)}" for name, value in values.items())
