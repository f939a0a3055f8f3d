"""The choice of the searches at whose results final runs are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.study import StudySpec, StudySummary


@dataclass(frozen=True, slots=True)
class SearchChoice:
    """The studies of one optimizer on one task, sorted by whether final runs take their results.

    Attributes:
        taken: independent searches with the same budget, by their seeds.
        left: finished studies that are not taken, each with the reason.
        unfinished: those without a result as yet.
    """

    taken: tuple[StudySummary, ...] = ()
    left: tuple[tuple[StudySummary, str], ...] = ()
    unfinished: tuple[StudySummary, ...] = ()

    def first(self) -> SearchChoice:
        """Return the choice of only the first of the searches."""
        reason = "replaced values are run at the result of one search only"
        rest = ((study, reason) for study in self.taken[1:])
        return replace(self, taken=self.taken[:1], left=(*self.left, *rest))


def choose_searches(studies: Sequence[StudySummary]) -> SearchChoice:
    """Choose among all studies of one optimizer on one task, oldest first.

    Searches of the same schedule, on the same device, dtype and backend, belong together. Of such groups the one with
    the largest planned budget is taken, so that no search replaces a longer one by being later; of equal ones the one
    with the most searches, then the latest. Of several searches with one seed the latest is taken.
    """
    usable = [study for study in studies if study.has_result]
    groups: dict[object, dict[int, StudySummary]] = {}
    for study in usable:
        groups.setdefault(_settings(study.spec), {})[study.spec.seed] = study
    best = max(groups.values(), key=_rank, default={})
    taken = tuple(best[seed] for seed in sorted(best))
    return SearchChoice(
        taken,
        tuple(
            (study, _reason(study, best))
            for study in studies
            if study.status == "finished" and study not in best.values()
        ),
        tuple(study for study in studies if study.status == "unfinished"),
    )


def check_searches(studies: Iterable[StudySummary], location: str) -> tuple[StudySummary, ...]:
    """Return studies of one optimizer on one task that the user has named, by their seeds.

    Args:
        studies: the studies.
        location: of the database, for messages.

    Raises:
        UsageError: if one has no result, or they are not independent searches of the same kind.
    """
    by_seed: dict[int, StudySummary] = {}
    for study in studies:
        if study.status == "unfinished":
            raise unfinished_error(study, location)
        if not study.has_result:
            raise UsageError(f"study {study.id} has no result: {_NO_RESULT}. Name another study.")
        other = next(iter(by_seed.values()), study)
        if _settings(study.spec) != _settings(other.spec):
            raise UsageError(
                f"studies {other.id} and {study.id} differ in their schedules, or in device, dtype or backend: their "
                f"results cannot be one row of a table. Run them one after the other."
            )
        if study.spec.seed in by_seed:
            raise UsageError(
                f"studies {by_seed[study.spec.seed].id} and {study.id} are the same search, with seed "
                f"{study.spec.seed}. Name one of them."
            )
        by_seed[study.spec.seed] = study
    return tuple(by_seed[seed] for seed in sorted(by_seed))


def unfinished_error(study: StudySummary, location: str) -> UsageError:
    """Return the error that a study has no result yet, with the way to continue it."""
    return UsageError(
        f"study {study.id}, the search for {study.spec.optimizer.label} on {study.spec.task.label} with seed "
        f"{study.spec.seed}, is unfinished.",
        remedy=Remedy.CONTINUE_SEARCH,
        study=study.spec,
        db=location,
    )


_NO_RESULT = "no individual had a finite loss"


def _settings(spec: StudySpec) -> object:
    """Return what studies have in common that are searches of the same kind; names of schedules identify nothing."""
    return replace(spec.schedule, name=""), spec.compute


def _rank(group: dict[int, StudySummary]) -> tuple[int, int, int]:
    latest = max(group.values(), key=lambda study: study.id)
    return latest.spec.schedule.individual_steps, len(group), latest.id


def _reason(study: StudySummary, taken: dict[int, StudySummary]) -> str:
    if not study.has_result:
        return _NO_RESULT
    spec, other = study.spec, next(iter(taken.values())).spec
    if _settings(spec) == _settings(other):
        return f"study {taken[spec.seed].id} is a later search with the same seed {spec.seed}"
    budget, larger = spec.schedule.individual_steps, other.schedule.individual_steps
    if budget < larger:
        return f"its budget is smaller, {budget:,} steps ({spec.schedule.name}) instead of {larger:,}"
    if spec.compute != other.compute:
        return f"it was computed otherwise, with {spec.compute.label} instead of {other.compute.label}"
    return f"its schedule {spec.schedule.name} is another one, of the same budget"
