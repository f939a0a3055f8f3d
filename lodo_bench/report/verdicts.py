"""Verdicts of a report in sentences: who is best, who is worse, and of whom these runs cannot tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import Comparison, ScoreResult
from lodo_bench.analysis.statistics import Effect, State
from lodo_bench.analysis.statistics.interval import CONFIDENCE
from lodo_bench.report.formatting import effect_text, interval, mean_alone, number

_PERCENT = f"{100 * CONFIDENCE:g} %"


def verdict_sentences(comparison: Comparison) -> Iterator[str]:
    """Yield a paragraph for each column with two rows or more, and one about what the verdicts hold for."""
    judged = [column for column in comparison.columns if len(comparison.verdicts[column].standings) > 1]
    for column in judged:
        yield f"{column.title[:1].upper()}{column.title[1:]}: {'. '.join(_sentences(comparison, column))}."
    once = [label for label, row in zip(comparison.labels, comparison.rows, strict=True) if row.is_tuned_once]
    if judged and once:
        yield (
            f"{_list(once)}: tuned by one search, so verdicts hold for these hyperparameters only. Another search may "
            "find others: 'lodo-bench tune --seeds 5' repeats the search, and 'lodo-bench run' then covers all of them."
        )


def _sentences(comparison: Comparison, column: ScoreColumn) -> Iterator[str]:
    verdict = comparison.verdicts[column]
    if verdict.reference is None:
        yield "no optimizer can be the best: each of them diverged in at least half of its runs"
        return
    rows = _by_state(comparison, column)
    name, result = comparison.labels[verdict.reference], comparison.rows[verdict.reference].results[column]
    if verdict.has_baseline:
        yield f"compared with {name}, {_center(result)}"
    elif verdict.best is None:
        yield f"these runs cannot tell which optimizer is the best. {name} has the best {_center(result)}"
    elif len(rows.get("worse", ())) == len(verdict.standings) - 1:
        yield f"{name} is the best, {_center(result)}"
    else:
        yield f"{name} has the best {_center(result)}"
    for state, title in _TITLES.items():
        if rows.get(state):
            yield f"{title}: {', '.join(rows[state])}"


_TITLES: dict[State, str] = {
    "better": "Better",
    "worse": "Worse",
    "tied": "Not told apart from it",
    "undecided": "Too few or too noisy runs to tell",
}


def _by_state(comparison: Comparison, column: ScoreColumn) -> dict[State, list[str]]:
    """Return the other rows, with their effects and p, by state."""
    verdict = comparison.verdicts[column]
    rows: dict[State, list[str]] = {}
    for index, standing in verdict.standings.items():
        if index != verdict.reference:
            result = comparison.rows[index].results[column]
            p = f"p = {number(standing.p, 2)}" if standing.test != "none" else ""
            details = ", ".join(filter(None, (_extent(result, standing.effect), p)))
            text = f"{comparison.labels[index]} ({details})" if details else comparison.labels[index]
            rows.setdefault(standing.state, []).append(text)
    return rows


def _center(result: ScoreResult) -> str:
    if result.has_searches:
        return f"median {number(result.center)} over {len(result.by_search)} searches"
    found = result.interval
    spread = interval(found.low, found.high)
    text = f"mean {mean_alone(result.summary)}"
    return f"{text} ({_PERCENT} confidence interval {spread})" if spread else text


def _extent(result: ScoreResult, effect: Effect | None) -> str:
    """Return how far a row is from the reference."""
    if not math.isfinite(result.center):
        return "diverged"
    return "" if effect is None or math.isnan(effect.estimate) else effect_text(effect)


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
