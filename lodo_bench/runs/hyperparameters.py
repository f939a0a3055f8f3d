"""Which hyperparameters a final run takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.results.store import Store
from lodo_bench.spec.options import format_value
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS

SOURCES = ("tuned", "paper", "default")


def choose(
    task: TaskSpec, optimizer: OptimizerSpec, source: str | None, given: Mapping[str, float], store: Store
) -> Hyperparameters:
    """The hyperparameters from `source`, or from the first of `SOURCES` that has any, with the `given` ones on top.

    The given ones are checked values by full name.

    Raises:
        UsageError: if `source` has none.
    """
    parameters = OPTIMIZERS.load(optimizer.name).hyperparameters
    for name in [source] if source else SOURCES:
        base = _from(name, task, optimizer, store)
        if base is not None:
            break
    else:
        raise UsageError(_missing(source or "tuned", task, optimizer))
    if not given:
        return base
    values = {p.name: given.get(p.name, base.values[p.name]) for p in parameters}
    rest = "" if len(given) == len(parameters) else f"the rest {base.source}"
    return replace(base, values=values, source="given", provenance_note=rest, study_id=None)


def tuned_hyperparameters(study: StudyRecord) -> Hyperparameters | None:
    """What a study has found; None if it is unfinished, or nothing it tried had a finite loss."""
    if study.result is None or not study.has_result:
        return None
    weights_study_id = study.id if study.result.weights else None
    tuned = Hyperparameters(study.result.values, "tuned", "", study.id, weights_study_id)
    return _for_final_runs(study.spec.task, study.spec.optimizer, tuned)


def fixed_hyperparameters(source: str, task: TaskSpec, optimizer: OptimizerSpec) -> Hyperparameters | None:
    """The `paper`'s hyperparameters or the `default` ones; None if they are not known, or must be learned."""
    if source == "paper":
        published = published_hyperparameters(task, optimizer)
        return None if published is None else Hyperparameters(published, "paper", "Table 6")
    kind = OPTIMIZERS.load(optimizer.name)
    if kind.search == "meta-training":
        return None
    defaults = {p.name: p.initial for p in kind.hyperparameters}
    return Hyperparameters(defaults, "default", "")


def _from(source: str, task: TaskSpec, optimizer: OptimizerSpec, store: Store) -> Hyperparameters | None:
    if source == "tuned":
        study = store.tuned(task, optimizer)
        return None if study is None else tuned_hyperparameters(study)
    return fixed_hyperparameters(source, task, optimizer)


def _for_final_runs(task: TaskSpec, optimizer: OptimizerSpec, tuned: Hyperparameters) -> Hyperparameters:
    """The tuned values with the learning rates that the task's final runs take.

    Those of the paper's Table 6 are taken to be those of its final runs already.
    """
    scale = TASKS.load(task.name).final_lr_scale
    rates = [p.name for p in OPTIMIZERS.load(optimizer.name).hyperparameters if p.is_learning_rate]
    if scale == 1 or not rates:
        return tuned
    values = {name: value * scale if name in rates else value for name, value in tuned.values.items()}
    return replace(tuned, values=values, provenance_note=f"{rates[0].replace('_', ' ')} × {scale:g}")


def _missing(source: str, task: TaskSpec, optimizer: OptimizerSpec) -> str:
    learns = OPTIMIZERS.load(optimizer.name).search == "meta-training"
    if source == "tuned" or learns:
        options = "".join(f" -t {name}={format_value(value)}" for name, value in task.options.items())
        structure = "".join(f" -o {name}={format_value(value)}" for name, value in optimizer.options.items())
        return (
            f"{optimizer.label} has not been {'meta-trained' if learns else 'tuned'} on {task.label} in this database. "
            f"Do it with 'lodo-bench tune --task {task.name}{options} --optimizer {optimizer.name}{structure}'."
        )
    return (
        f"the paper's hyperparameters of {optimizer.label} on {task.label} are not known. "
        f"Use --hyperparameters tuned or default, or give them with -p."
    )
