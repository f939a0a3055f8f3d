"""The choice of a final run's hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.optimizers import load_optimizer
from lodo_bench.results.store import Store
from lodo_bench.runs.searches import SearchChoice, check_searches, choose_searches, unfinished_error
from lodo_bench.spec.run_set import SOURCES, Hyperparameters
from lodo_bench.spec.study import StudySummary
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS


@dataclass(frozen=True, slots=True)
class HyperparameterRequest:
    """The hyperparameters that are asked for.

    Attributes:
        source: one of `SOURCES`; None for the first of them that has any.
        given: validated values that replace those of the source, by full name.
        studies: the studies to take the results of; empty for a choice among all of them.
    """

    source: str | None = None
    given: Mapping[str, float] = field(default_factory=dict)
    studies: tuple[StudySummary, ...] = ()


@dataclass(frozen=True, slots=True)
class HyperparameterChoice:
    """The hyperparameters of final runs, and the searches that they come from.

    Attributes:
        hyperparameters: of each run set: one for each search, or a single one from elsewhere.
        searches: how the searches were chosen; without any if none were asked for.
    """

    hyperparameters: tuple[Hyperparameters, ...]
    searches: SearchChoice


def choose(
    task: TaskSpec, optimizer: OptimizerSpec, request: HyperparameterRequest, store: Store
) -> HyperparameterChoice:
    """Return the hyperparameters that are asked for.

    Replaced values are those of a single run set: of several searches, the one with the first seed has the rest.

    Args:
        task: of the final runs.
        optimizer: of the final runs.
        request: where the hyperparameters come from.
        store: has the tuned ones.

    Raises:
        UsageError: if the source has none, or a study that is asked for has no result.
    """
    searches = _searches(task, optimizer, request, store)
    bases = [found for study in searches.taken if (found := tuned_hyperparameters(study)) is not None]
    if not bases:
        fixed = (fixed_hyperparameters(name, task, optimizer) for name in _fixed_sources(request))
        bases = [found for found in fixed if found is not None][:1]
    if not bases:
        raise _missing(request.source or "tuned", task, optimizer, searches, store.location)
    return HyperparameterChoice(tuple(_override(base, optimizer, request.given) for base in bases), searches)


def _searches(task: TaskSpec, optimizer: OptimizerSpec, request: HyperparameterRequest, store: Store) -> SearchChoice:
    if request.studies:
        if request.given and len(request.studies) > 1:
            raise UsageError("values that replace those of a search require one search. Name one study.")
        return SearchChoice(check_searches(request.studies, store.location))
    kind = load_optimizer(optimizer)
    all_given = kind.search != "meta-training" and len(request.given) == len(kind.hyperparameters)
    if request.source not in (None, "tuned") or (request.source is None and all_given):
        return SearchChoice()
    found = choose_searches(store.studies_of(task, optimizer))
    return found.first() if request.given else found


def _fixed_sources(request: HyperparameterRequest) -> Sequence[str]:
    """Return the sources other than searches, in the order of preference."""
    return [name for name in SOURCES if name != "tuned" and request.source in (None, name)]


def _override(base: Hyperparameters, optimizer: OptimizerSpec, given: Mapping[str, float]) -> Hyperparameters:
    if not given:
        return base
    parameters = load_optimizer(optimizer).hyperparameters
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
    """Return the `paper`'s hyperparameters or the `default` ones; None if unknown, or if they must be meta-trained.

    Those of an optimizer that has none are the default ones, whatever the source: there is nothing to know.
    """
    kind = load_optimizer(optimizer)
    if source == "paper" and (kind.hyperparameters or kind.search == "meta-training"):
        published = published_hyperparameters(task, optimizer)
        return None if published is None else Hyperparameters(published, "paper", "Table 6")
    if kind.search == "meta-training":
        return None
    defaults = {p.name: p.initial for p in kind.hyperparameters}
    return Hyperparameters(defaults, "default", "")


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


def _missing(
    source: str, task: TaskSpec, optimizer: OptimizerSpec, searches: SearchChoice, location: str
) -> UsageError:
    is_meta_trained = load_optimizer(optimizer).search == "meta-training"
    if searches.unfinished:
        return unfinished_error(searches.unfinished[-1], location)
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
