"""What a comparison comes to: which optimizer is the best, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lodo_bench.analysis.columns import Column
from lodo_bench.analysis.comparison import Comparison, Result
from lodo_bench.analysis.statistics.interval import CONFIDENCE
from lodo_bench.report.formatting import number


def sentences(comparison: Comparison) -> Iterator[str]:
    """One paragraph for each column in which there is something to compare."""
    for column in comparison.columns:
        if len(comparison.verdicts[column].standings) > 1:
            yield f"{_capital(column.title)}: {_outcome(comparison, column)}"


def _outcome(comparison: Comparison, column: Column) -> str:
    verdict = comparison.verdicts[column]
    if verdict.best is None:
        return "none is the best, as half of the runs or more diverged of every optimizer that might be."
    best = comparison.rows[verdict.best].results[column]
    head = f"{comparison.labels[verdict.best]} has the best mean, {number(best.summary.mean)}{_interval(best)}"
    if not verdict.has_power:
        return f"{head}; there are too few runs to tell whether others are worse."
    tied: list[str] = []
    worse: list[str] = []
    for index, standing in verdict.standings.items():
        if index != verdict.best:
            distance = _distance(column, comparison.rows[index].results[column], best)
            told = f"{comparison.labels[index]} {distance} (p = {number(standing.p, 2)})"
            (tied if standing.may_be_best else worse).append(told)
    parts = [head]
    if worse:
        parts.append(f"{'Significantly' if tied else 'All others are significantly'} worse: {', '.join(worse)}")
    if tied:
        parts.append(f"{'Not' if worse else 'No other is'} significantly worse: {', '.join(tied)}")
    return f"{'. '.join(parts)}."


def _interval(result: Result) -> str:
    interval = result.interval
    if math.isnan(interval.low):
        return ""
    if interval.low == interval.high:
        return " in every run"
    return f" ({100 * CONFIDENCE:g} % confidence interval {number(interval.low)} to {number(interval.high)})"


def _distance(column: Column, result: Result, best: Result) -> str:
    """How far a mean is from the best: in percent, as a factor, or as a difference where these mean nothing."""
    mean, reference = result.summary.mean, best.summary.mean
    if math.isnan(mean):
        return "diverged"
    if column.higher_is_better or reference <= 0 or mean <= 0:
        return f"{mean - reference:+.2g}"
    ratio = mean / reference
    return f"{100 * (ratio - 1):+.2g} %" if ratio < 2 else f"{number(ratio, 2)} times as high"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
