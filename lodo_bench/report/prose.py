"""Sentences of a report: verdicts on each column, and the footnotes of its table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.columns import ScoreColumn
from lodo_bench.analysis.comparison import Comparison, ComparisonRow, ScoreResult
from lodo_bench.analysis.statistics import LEVEL, ComparisonResult
from lodo_bench.analysis.statistics.interval import CONFIDENCE
from lodo_bench.analysis.targets import Targets
from lodo_bench.report.formatting import counted, duration, interval, mean_alone, number, percent
from lodo_bench.spec.provenance import Machine, Provenance


@dataclass(frozen=True, slots=True)
class Footnote:
    """A footnote of a table; a `warning` is emphasized."""

    text: str
    warning: bool = False


def verdict_sentences(comparison: Comparison) -> Iterator[str]:
    """Yield one paragraph for each column that has at least two rows: the best optimizer, by how much, how certain."""
    for column in comparison.columns:
        if len(comparison.verdicts[column].standings) > 1:
            yield f"{column.title[:1].upper()}{column.title[1:]}: {_outcome(comparison, column)}"


def _outcome(comparison: Comparison, column: ScoreColumn) -> str:
    verdict = comparison.verdicts[column]
    if verdict.best is None:
        return "no optimizer is marked best: every candidate diverged in at least half of its runs."
    best = comparison.rows[verdict.best].results[column]
    head = f"{comparison.labels[verdict.best]} has the best mean, {mean_alone(best.summary)}{_interval(best)}"
    if not verdict.has_power:
        return f"{head}; there are too few runs to tell whether the others are worse."
    tied: list[str] = []
    worse: list[str] = []
    for index, standing in verdict.standings.items():
        if index != verdict.best:
            distance = _distance(column, comparison.rows[index].results[column], best)
            sentence = f"{comparison.labels[index]} {distance} (p = {number(standing.p, 2)})"
            (tied if standing.may_be_best else worse).append(sentence)
    parts = [head]
    if worse:
        parts.append(f"{'Significantly' if tied else 'All others are significantly'} worse: {', '.join(worse)}")
    if tied:
        parts.append(f"{'Not' if worse else 'No other is'} significantly worse: {', '.join(tied)}")
    return f"{'. '.join(parts)}."


def _interval(result: ScoreResult) -> str:
    low, high = result.interval.low, result.interval.high
    if math.isnan(low):
        return ""
    if low == high:
        return " in every run"
    return f" ({100 * CONFIDENCE:g} % confidence interval {interval(low, high)})"


def _distance(column: ScoreColumn, result: ScoreResult, best: ScoreResult) -> str:
    """Return the distance of a mean from the best: in percent, as a factor, or as a difference where these fail."""
    mean, reference = result.summary.mean, best.summary.mean
    if math.isnan(mean):
        return "diverged"
    if column.higher_is_better or reference <= 0 or mean <= 0:
        return f"{mean - reference:+.2g}"
    ratio = mean / reference
    return percent(ratio - 1) if ratio < 2 else f"{number(ratio, 2)} times as high"


def footnotes(comparison: Comparison, machines: Sequence[Machine], targets: Targets | None) -> list[Footnote]:
    """Return all footnotes of a table; `machines` are those that its letters denote."""
    return [
        *(Footnote(text) for text in _measures(comparison, targets)),
        *(Footnote(text) for text in _marks(comparison)),
        *(Footnote(text) for text in _costs(comparison)),
        *_machines(machines),
        *(Footnote(text) for text in _unfinished(comparison)),
        Footnote(f"Versions: {versions_text(comparison.provenances)}."),
    ]


def machine_letter(index: int) -> str:
    """Return the letter of a machine in the table."""
    return chr(ord("a") + index) if index < 26 else f"m{index + 1}"


def _measures(comparison: Comparison, targets: Targets | None) -> Iterator[str]:
    yield (
        "Loss: mean training loss over the last tenth of the steps before the milestone; mean ± sample standard "
        "deviation over the seeds, excluding diverged runs."
    )
    yield "Steps/s: gradient steps on fresh batches per second of training time, which excludes evaluation."
    scores = dict.fromkeys(column.score_title for column in comparison.columns if not column.is_loss)
    if scores:
        yield (
            f"{', '.join(scores).capitalize()}: measured at the milestone, not counted as training time; mean and "
            "standard deviation as for the loss."
        )
    if targets is not None and targets.is_criterion:
        yield (
            f"Solved: runs whose mean of the last {targets.window:,} losses was at most {number(targets.loss)} at some "
            "step, this task's criterion; the median number of steps until then, with runs that did not solve it as "
            "later than all others."
        )
    elif targets is not None:
        yield (
            f"To loss ≤ {number(targets.loss)}: the first step at which the mean of the last {targets.window:,} losses "
            "is at most this; mean ± sample standard deviation over the runs that reached it, and the number of runs "
            "that did not."
        )


def _marks(comparison: Comparison) -> Iterator[str]:
    standings = [s for v in comparison.verdicts.values() if v.has_power for s in v.standings.values()]
    if not standings:
        return
    marks = {v.mark(index) for v in comparison.verdicts.values() for index in v.standings}
    tied = " †: not significantly worse." if "tied" in marks else ""
    undecided = " ?: too few runs to tell." if "undecided" in marks else ""
    others = max(len(standing.paired) + len(standing.unpaired) for standing in standings)
    yield (
        f"Bold: the best mean among the optimizers that may be the best.{tied}{undecided} An optimizer is "
        f"significantly worse if others are better according to {' and '.join(_tests(standings))}, with Simes' "
        f"correction for {counted(others, 'other', 'others')}, at level {LEVEL}. Diverged runs rank last. p is the "
        "probability of results at least as extreme if no other optimizer were better."
    )
    if any(others * standing.min_attainable_p > LEVEL for standing in standings if standing.has_power):
        yield (
            "With this few runs, an optimizer that is worse than only a few others cannot be shown to be worse than "
            "the best."
        )


def _tests(standings: Iterable[ComparisonResult]) -> Iterator[str]:
    """Yield the tests that were used, with their numbers of runs."""
    found = list(standings)
    pairs = {own for standing in found for own, _ in standing.paired}
    sizes = {size for standing in found for sizes in standing.unpaired for size in sizes}
    if pairs:
        yield f"one-sided exact Wilcoxon signed-rank tests, paired by seed (n = {_range(pairs)})"
    if sizes:
        yield f"one-sided exact Mann-Whitney tests (n = {_range(sizes)})"


def _range(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _costs(comparison: Comparison) -> Iterator[str]:
    costs = [
        f"{label}: {', '.join(cost)}"
        for label, row in zip(comparison.labels, comparison.rows, strict=True)
        if (cost := _cost(row))
    ]
    if costs:
        yield f"Cost in training time: {'; '.join(costs)}."


def _cost(row: ComparisonRow) -> list[str]:
    cost = []
    if (tuning := row.tuning) is not None:
        amount = f"{tuning.num_individuals:,} individuals, {tuning.steps:,} steps in total"
        cost.append(f"tuning {duration(tuning.seconds)} ({amount})")
    if row.seconds is not None:
        cost.append(f"final run {duration(row.seconds.mean)}")
    return cost


def _machines(machines: Sequence[Machine]) -> Iterator[Footnote]:
    if len(machines) > 1:
        yield Footnote(
            "Steps/s were measured on different machines: only values with the same letter are comparable.",
            warning=True,
        )
        for index, machine in enumerate(machines):
            yield Footnote(f"Machine {machine_letter(index)}: {machine_text(machine)}.")
    elif machines:
        yield Footnote(f"Machine: {machine_text(machines[0])}.")


def machine_text(machine: Machine) -> str:
    """Return a one-line description of a machine."""
    device = "" if machine.device == "cpu" else f"{machine.device}, "
    cores, threads = counted(machine.cores, "core"), counted(machine.threads, "thread")
    return f"{device}{machine.cpu}, {cores}, {threads} used by PyTorch"


def _unfinished(comparison: Comparison) -> Iterator[str]:
    counts = [
        f"{label} {row.unfinished}"
        for label, row in zip(comparison.labels, comparison.rows, strict=True)
        if row.unfinished
    ]
    if counts:
        yield f"Interrupted or failed runs, without a score: {', '.join(counts)}."


def versions_text(provenances: Iterable[Provenance]) -> str:
    """Return each distinct set of versions once."""
    versions = dict.fromkeys(
        ", ".join(f"{name} {version}" for name, version in p.versions.items())
        + (f", commit {p.commit[:12]}{'-dirty' if p.commit.endswith('-dirty') else ''}" if p.commit else "")
        for p in provenances
    )
    return "; ".join(versions)
