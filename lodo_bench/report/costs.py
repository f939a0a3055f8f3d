"""The cost of each row: of the searches that tuned it, and of a final run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.comparison import Comparison, ComparisonRow
from lodo_bench.report.formatting import NOTHING, counted, duration, speed
from lodo_bench.spec.study import StudySummary


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a row; NaN for what is unknown.

    Attributes:
        searches: number of searches.
        individuals: individuals of all searches.
        search_steps: training steps of all individuals.
        tuning_seconds: training time of all individuals.
        training_seconds: mean training time of a final run.
        training_steps: mean training steps of a final run.
    """

    searches: float
    individuals: float
    search_steps: float
    tuning_seconds: float
    training_seconds: float
    training_steps: float


@dataclass(frozen=True, slots=True)
class CostColumn:
    """A column of the table of costs: its title, and text and number for each row."""

    title: str
    cells: tuple[tuple[str, float | None], ...]


def cost_of(row: ComparisonRow) -> Cost:
    """Return the cost of a row."""

    def total(value: Callable[[StudySummary], float]) -> float:
        return sum(map(value, row.tunings)) if row.tunings else math.nan

    return Cost(
        searches=total(lambda _: 1),
        individuals=total(lambda study: study.num_individuals),
        search_steps=total(lambda study: study.steps),
        tuning_seconds=total(lambda study: study.seconds),
        training_seconds=math.nan if row.seconds is None else row.seconds.mean,
        training_steps=math.nan if row.steps is None else row.steps.mean,
    )


def cost_columns(comparison: Comparison) -> list[CostColumn]:
    """Return the columns of the table of costs that are not empty; none without a search or a timed run."""
    costs = [cost_of(row) for row in comparison.rows]
    if all(math.isnan(cost.searches) and math.isnan(cost.training_seconds) for cost in costs):
        return []

    def column(title: str, values: Sequence[float], write: Callable[[float], str]) -> CostColumn:
        known = [None if math.isnan(value) else value for value in values]
        return CostColumn(title, tuple((NOTHING if value is None else write(value), value) for value in known))

    columns = [
        column("searches", [cost.searches for cost in costs], _whole),
        column("individuals", [cost.individuals for cost in costs], _whole),
        column("search steps", [cost.search_steps for cost in costs], _whole),
        column("tuning time", [cost.tuning_seconds for cost in costs], duration),
        column("final run time", [cost.training_seconds for cost in costs], duration),
        column("final run steps", [cost.training_steps for cost in costs], _whole),
    ]
    return [found for found in columns if any(value is not None for _, value in found.cells)]


def budget_sentences(comparison: Comparison) -> Iterator[str]:
    """Yield whether the rows that have hyperparameters were tuned with equal budgets, and in what these are equal."""
    budgets: dict[str, list[str]] = {}
    for label, row in zip(comparison.labels, comparison.rows, strict=True):
        if row.tunings or row.hyperparameters.values:
            budgets.setdefault(_budget(row.tunings), []).append(label)
    if not any(row.tunings for row in comparison.rows) or sum(map(len, budgets.values())) < 2:
        return
    if len(budgets) == 1:
        yield f"Equal budget: {next(iter(budgets))}."
    else:
        parts = [f"{', '.join(labels)}: {budget}" for budget, labels in budgets.items()]
        yield f"Unequal budgets: {'; '.join(parts)}."


def _budget(searches: Sequence[StudySummary]) -> str:
    """Return the plan of a row's searches, such as `320 individuals of 2,000 to 20,000 steps each`."""
    plans: dict[str, int] = {}
    for study in searches:
        steps = [plan.steps for plan in study.spec.schedule.generations]
        low, high = min(steps), max(steps)
        length = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        plan = f"{counted(study.num_individuals, 'individual')} of {length} steps each"
        plans[plan] = plans.get(plan, 0) + 1
    if len(searches) <= 1:
        return next(iter(plans), "no search in this database")
    return " and ".join(f"{counted(count, 'search', 'searches')} with {plan}" for plan, count in plans.items())


def _whole(value: float) -> str:
    return speed(value) if value >= 100 else f"{value:g}"
