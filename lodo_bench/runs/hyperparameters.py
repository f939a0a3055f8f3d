"""The choice of a final run's hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.results.store import Store
from lodo_bench.spec.run_set import SOURCES, Hyperparameters
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS


def choose(
    task: TaskSpec, optimizer: OptimizerSpec, source: str | None, given: Mapping[str, float], store: Store
) -> Hyperparameters:
    """Return the hyperparameters from `source`, overridden by the `given` ones.

    Args:
        task: of the final run.
        optimizer: of the final run.
        source: one of `SOURCES`; None for the first of them that has any.
        given: validated values by full name.
        store: has the tuned ones.

    Raises:
        UsageError: if `source` has none.
    """
    parameters = load_optimizer(optimizer).hyperparameters
    for name in [source] if source else SOURCES:
        base = _from(name, task, optimizer, store)
        if base is not None:
            break
    else:
        raise _missing(source or "tuned", task, optimizer)
    if not given:
        return base
    values = {p.name: given.get(p.name, base.values[p.name]) for p in parameters}
    rest = "" if len(given) == len(parameters) else f"the rest {base.source}"
    return replace(base, values=values, source="given", provenance_note=rest, study_id=None)


def tuned_hyperparameters(study: StudySummary) -> Hyperparameters | None:
    """Return the result of a study; None if it is unfinished, or no individual had a finite loss."""
    if study.result is None or not study.has_result:
        return None
    weights_study_id = study.id if study.result.weights else None
    tuned = Hyperparameters(study.result.values, "tuned", "", study.id, weights_study_id)
    return _for_final_runs(study.spec.task, study.spec.optimizer, tuned)


def fixed_hyperparameters(source: str, task: TaskSpec, optimizer: OptimizerSpec) -> Hyperparameters | None:
    """Return the `paper`'s hyperparameters or the `default` ones; None if unknown, or if they must be meta-trained."""
    if source == "paper":
        published = published_hyperparameters(task, optimizer)
        return None if published is None else Hyperparameters(published, "paper", "Table 6")
    kind = load_optimizer(optimizer)
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
    """Scale tuned learning rates for the task's final runs (LODO App. F.2).

    The values of the paper's Table 6 need no scaling: they are those of its final runs.
    """
    scale = TASKS.load(task.name).final_lr_scale
    rates = [p.name for p in load_optimizer(optimizer).hyperparameters if p.is_learning_rate]
    if scale == 1 or not rates:
        return tuned
    values = {name: value * scale if name in rates else value for name, value in tuned.values.items()}
    return replace(tuned, values=values, provenance_note=f"{rates[0].replace('_', ' ')} × {scale:g}")


def _missing(source: str, task: TaskSpec, optimizer: OptimizerSpec) -> UsageError:
    is_meta_trained = load_optimizer(optimizer).search == "meta-training"
    if source == "tuned" or is_meta_trained:
        done = "meta-trained" if is_meta_trained else "tuned"
        return UsageError(
            f"{optimizer.label} has not been {done} on {task.label} in this database.",
            remedy=Remedy.TUNE_FIRST,
            task=task,
            optimizer=optimizer,
        )
    return UsageError(
        f"the paper's hyperparameters of {optimizer.label} on {task.label} are not known.",
        remedy=Remedy.CHOOSE_HYPERPARAMETERS,
    )
