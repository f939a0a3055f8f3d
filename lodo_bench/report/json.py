"""Reports as JSON documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import Comparison, ComparisonRow
from lodo_bench.analysis.documents import (
    compute_document,
    damaged_document,
    hyperparameters_document,
    optimizer_document,
    task_document,
)
from lodo_bench.analysis.statistics import LEVEL
from lodo_bench.analysis.statistics.interval import CONFIDENCE
from lodo_bench.analysis.targets import Targets
from lodo_bench.results.damage import Damage
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.study import StudySummary


def document(reports: Iterable[tuple[Comparison, Targets | None]], damaged: Iterable[Damage] = ()) -> dict[str, Any]:
    """Return all comparisons as one document; numbers that are not finite are kept as they are.

    Args:
        reports: the comparisons.
        damaged: the rows of the database that were left out.
    """
    return {
        "level": LEVEL,
        "confidence": CONFIDENCE,
        "comparisons": [_comparison(comparison, targets) for comparison, targets in reports],
        **damaged_document(damaged),
    }


def _comparison(comparison: Comparison, targets: Targets | None) -> dict[str, Any]:
    return {
        **task_document(comparison.task),
        "bound": None if comparison.bound is None else asdict(comparison.bound),
        "target": None if targets is None else _target(targets),
        "baseline": None if comparison.baseline is None else comparison.labels[comparison.baseline],
        "rows": [_row(comparison, targets, index, row) for index, row in enumerate(comparison.rows)],
        "provenances": [asdict(provenance) for provenance in comparison.provenances],
    }


def _row(comparison: Comparison, targets: Targets | None, index: int, row: ComparisonRow) -> dict[str, Any]:
    return {
        **optimizer_document(row.optimizer),
        **hyperparameters_document(row.hyperparameters),
        "searches": [
            {"seed": seed, "study_id": found.study_id, "hyperparameters": dict(found.values)}
            for seed, found in row.searches.items()
            if len(row.searches) > 1
        ],
        "deterministic": row.is_deterministic,
        "at_edge": row.edges,
        **compute_document(row.compute),
        "milestones": {milestone.key: _milestone(comparison, index, row, milestone) for milestone in row.losses},
        "to_target": None if targets is None else _to_target(targets, index),
        "told": row.facts.told or None,
        "compiled_loop": row.facts.is_compiled,
        "steps_per_second": None if row.speed is None else asdict(row.speed),
        "training_seconds": None if row.seconds is None else asdict(row.seconds),
        "training_steps": None if row.steps is None else asdict(row.steps),
        "evaluations_per_step": row.evaluations,
        "time_per_step": row.facts.complexity or None,
        "tunings": [_search(study) for study in row.tunings],
        "machines": [asdict(machine) for machine in row.machines],
        "unfinished": row.unfinished,
    }


def _milestone(comparison: Comparison, index: int, row: ComparisonRow, milestone: Milestone) -> dict[str, Any]:
    """Return the training loss at a milestone, and all other scores there under `scores`."""
    others = [column for column in row.results if column.milestone == milestone and not column.is_loss]
    return {
        **_result(comparison, index, row, ScoreColumn(milestone)),
        "scores": {column.score: _result(comparison, index, row, column) for column in others},
    }


def _result(comparison: Comparison, index: int, row: ComparisonRow, column: ScoreColumn) -> dict[str, Any]:
    result, verdict = row.results[column], comparison.verdicts[column]
    published = result.published
    standing = verdict.standings[index] if len(verdict.standings) > 1 else None
    return {
        column.score: asdict(result.summary),
        "interval": asdict(result.interval),
        "median": result.center if result.has_searches else None,
        "by_seed": None if result.has_searches else _by_seed(*result.by_search.values()),
        "by_search": {str(search): _by_seed(values) for search, values in sorted(result.by_search.items())}
        if result.has_searches
        else None,
        "diverged": result.diverged,
        "state": standing.state if standing else None,
        "p": standing.p if standing else None,
        "effect": asdict(standing.effect) if standing and standing.effect else None,
        "published": None if published is None else {column.score: published.mean, "std": published.std},
    }


def _by_seed(values: Mapping[int, float]) -> Mapping[str, float]:
    return {str(seed): value for seed, value in sorted(values.items())}


def _target(targets: Targets) -> Mapping[str, Any]:
    return {"loss": targets.loss, "window": targets.window, "is_criterion": targets.is_criterion}


def _to_target(targets: Targets, index: int) -> Mapping[str, Any]:
    seconds = targets.seconds[index]
    return {
        "windows": targets.windows[index],
        "steps": asdict(targets.steps[index]),
        "seconds": None if seconds is None else asdict(seconds),
    }


def _search(study: StudySummary) -> Mapping[str, Any]:
    return {
        "study": study.id,
        "seed": study.spec.seed,
        "individuals": study.num_individuals,
        "steps": study.steps,
        "seconds": study.seconds,
    }
