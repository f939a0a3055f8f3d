"""Reports as CSV: a line for each optimizer, milestone and score, in full precision."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import Comparison, ComparisonRow
from lodo_bench.analysis.documents import (
    compute_document,
    hyperparameters_document,
    optimizer_document,
    task_document,
)
from lodo_bench.analysis.statistics import Summary
from lodo_bench.analysis.statistics.target import TargetSummary
from lodo_bench.analysis.targets import Targets
from lodo_bench.report.costs import cost_of

COLUMNS = (
    "task",
    "task_options",
    "optimizer",
    "optimizer_options",
    "optimizer_recipe",
    "optimizer_version",
    "device",
    "dtype",
    "backend",
    "hyperparameters",
    "hyperparameters_source",
    "study_id",
    "provenance_note",
    "at_edge",
    "milestone",
    "score",
    "mean",
    "std",
    "low",
    "high",
    "median",
    "finite",
    "diverged",
    "replicates",
    "deterministic",
    "state",
    "p",
    "effect",
    "effect_estimate",
    "effect_low",
    "effect_high",
    "published",
    "published_std",
    "target",
    "target_windows",
    "steps_to_target",
    "steps_to_target_std",
    "steps_to_target_median",
    "steps_to_target_reached",
    "steps_to_target_missed",
    "seconds_to_target",
    "seconds_to_target_std",
    "seconds_to_target_median",
    "seconds_to_target_reached",
    "seconds_to_target_missed",
    "evaluations_per_step",
    "time_per_step",
    "steps_per_second",
    "steps_per_second_std",
    "compiled_loop",
    "told",
    "searches",
    "individuals",
    "search_steps",
    "tuning_seconds",
    "training_seconds",
    "training_steps",
    "unfinished",
)
"""The column names, documented in docs/statistics.md."""


def render(reports: Iterable[tuple[Comparison, Targets | None]]) -> str:
    """Render all comparisons in one table; missing values are empty fields."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for comparison, targets in reports:
        for index, row in enumerate(comparison.rows):
            shared = {**_identity(comparison, row), **_cost(row), **_targets(targets, index)}
            for values in _results(comparison, index, row):
                writer.writerow({name: _field(value) for name, value in {**shared, **values}.items()})
    return text.getvalue()


def _results(comparison: Comparison, index: int, row: ComparisonRow) -> Iterator[Mapping[str, object]]:
    """Yield the values of each column of the row, or once nothing if it has none."""
    if not row.results:
        yield {}
    for column in comparison.columns:
        if column in row.results:
            yield _result(comparison, index, row, column)


def _result(comparison: Comparison, index: int, row: ComparisonRow, column: ScoreColumn) -> Mapping[str, object]:
    result, verdict = row.results[column], comparison.verdicts[column]
    standing = verdict.standings[index] if len(verdict.standings) > 1 else None
    effect = standing.effect if standing else None
    interval = result.interval
    return {
        "milestone": column.milestone.key,
        "score": column.score,
        "mean": result.summary.mean,
        "std": result.summary.std,
        "low": interval.low,
        "high": interval.high,
        "median": result.center if result.has_searches else None,
        "finite": result.num_runs - result.diverged,
        "diverged": result.diverged,
        "replicates": len(result.replicates),
        "deterministic": row.is_deterministic,
        "state": standing.state if standing else None,
        "p": standing.p if standing else None,
        "effect": effect.kind if effect else None,
        "effect_estimate": effect.estimate if effect else None,
        "effect_low": effect.low if effect else None,
        "effect_high": effect.high if effect else None,
        "published": result.published.mean if result.published else None,
        "published_std": result.published.std if result.published else None,
    }


def _identity(comparison: Comparison, row: ComparisonRow) -> Mapping[str, object]:
    return {
        **task_document(comparison.task),
        **optimizer_document(row.optimizer),
        **compute_document(row.compute),
        **hyperparameters_document(row.hyperparameters),
        "at_edge": row.edges,
    }


def _cost(row: ComparisonRow) -> Mapping[str, object]:
    return {
        "evaluations_per_step": row.evaluations,
        "time_per_step": row.facts.complexity,
        **_summary("steps_per_second", row.speed),
        "compiled_loop": row.facts.is_compiled,
        "told": row.facts.told,
        **asdict(cost_of(row)),
        "unfinished": row.unfinished,
    }


def _targets(targets: Targets | None, index: int) -> Mapping[str, object]:
    if targets is None:
        return {}
    return {
        "target": targets.loss,
        "target_windows": " ".join(map(str, targets.windows[index])),
        **_target("steps_to_target", targets.steps[index]),
        **_target("seconds_to_target", targets.seconds[index]),
    }


def _target(name: str, summary: TargetSummary | None) -> Mapping[str, object]:
    if summary is None:
        return {}
    counts = {f"{name}_reached": summary.reached.count, f"{name}_missed": summary.missed}
    return {**_summary(name, summary.reached), f"{name}_median": summary.median, **counts}


def _summary(name: str, summary: Summary | None) -> Mapping[str, object]:
    return {} if summary is None else {name: summary.mean, f"{name}_std": summary.std}


def _field(value: object) -> object:
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    return None if isinstance(value, float) and math.isnan(value) else value
