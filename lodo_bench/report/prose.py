"""The footnotes of a report's table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lodo_bench.analysis.comparison import Comparison, ComparisonRow
from lodo_bench.analysis.statistics import LEVEL, Standing
from lodo_bench.analysis.statistics.interval import CONFIDENCE
from lodo_bench.analysis.targets import Targets
from lodo_bench.report.costs import budget_sentences
from lodo_bench.report.formatting import COMPILED_MARK, TOLD_MARK, counted, number
from lodo_bench.spec.provenance import Machine, Provenance


@dataclass(frozen=True, slots=True)
class Footnote:
    """A footnote of a table; a `warning` is emphasized."""

    text: str
    warning: bool = False


def runs_text(row: ComparisonRow) -> str:
    """Return what the values of a row are taken over, such as `8 seeds`, `5 searches` or `deterministic: 1 run`."""
    runs = max((result.num_runs for result in row.results.values()), default=0)
    searches = len(row.searches)
    if row.is_deterministic:
        return "deterministic: 1 run" if searches == 1 else f"{searches} searches, deterministic"
    return counted(runs, "seed") if searches == 1 else f"{searches} searches, {counted(runs, 'seed')}"


def footnotes(comparison: Comparison, machines: Sequence[Machine], targets: Targets | None) -> list[Footnote]:
    """Return all footnotes of a table; `machines` are those that its letters denote."""
    return [
        *(Footnote(text) for text in _measures(comparison, targets)),
        *(Footnote(text) for text in _replication(comparison)),
        *(Footnote(text) for text in _clocks(comparison)),
        *(Footnote(text) for text in _told(comparison)),
        *(Footnote(text) for text in _marks(comparison)),
        *(Footnote(text) for text in budget_sentences(comparison)),
        *_machines(machines),
        *(Footnote(text) for text in _unfinished(comparison)),
        *(Footnote(text) for text in _left_out(comparison)),
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
    early = [
        label
        for label, row in zip(comparison.labels, comparison.rows, strict=True)
        if row.facts.is_scheduled and not row.losses.keys() >= set(comparison.milestones)
    ]
    if early:
        yield f"Scored only where the plan of their learning rates ended: {', '.join(early)}."
    if targets is not None:
        yield from _target(comparison, targets)


def _target(comparison: Comparison, targets: Targets) -> Iterator[str]:
    losses = "the last losses" if targets.window is None else f"the last {targets.window:,} losses"
    if targets.is_criterion:
        yield (
            f"Solved: runs whose mean of {losses} was at most {number(targets.loss)} at some step, this task's "
            "criterion; the median number of steps until then, with runs that did not solve it as later than all "
            f"others.{_windows(comparison, targets)}"
        )
    else:
        yield (
            f"To loss ≤ {number(targets.loss)}: the first step at which the mean of {losses} is at most this; mean ± "
            "sample standard deviation over the runs that reached it, and the number of runs that did not."
            f"{_windows(comparison, targets)}"
        )


def _replication(comparison: Comparison) -> Iterator[str]:
    rows = comparison.rows
    if any(len(row.searches) > 1 for row in rows):
        yield (
            "Searches: the same search with other seeds, each followed by final runs with seeds of their own. Shown is "
            "the median [lowest to highest] over the searches, each of which counts by the mean of its runs. Tests "
            "compare searches."
        )
    if any(row.is_deterministic for row in rows):
        yield "Deterministic: neither the task nor the optimizer is random, so every seed gives the same run."


def _windows(comparison: Comparison, targets: Targets) -> str:
    """Return the number of losses that are averaged in each row, where they differ, and how to make them equal."""
    rows: dict[str, list[str]] = {}
    for label, windows in zip(comparison.labels, targets.windows, strict=True):
        if windows:
            rows.setdefault(" or ".join(f"{window:,}" for window in windows), []).append(label)
    if targets.window is not None or not rows:
        return ""
    own = "; ".join(f"{windows} for {', '.join(labels)}" for windows, labels in rows.items())
    return f" As many losses are averaged as in a run's own score: {own}. '--window N' averages N in all rows."


def _clocks(comparison: Comparison) -> Iterator[str]:
    if has_both_clocks(comparison):
        yield (
            f"{COMPILED_MARK} The steps of these rows run in one compiled loop; the steps of the other rows are called "
            "from Python one at a time, which costs more time than it takes to compute a small problem. Steps/s and "
            "seconds compare optimizers only among rows of one kind. 'lodo-bench run --fair-clock' runs all of them "
            "without compiled loops."
        )


def has_both_clocks(comparison: Comparison) -> bool:
    """Return true if some timed rows run in compiled loops and some do not, so that their clocks tell them apart."""
    return len({row.facts.is_compiled for row in comparison.rows if row.speed is not None}) > 1


def _told(comparison: Comparison) -> Iterator[str]:
    for told in dict.fromkeys(row.facts.told for row in comparison.rows if row.facts.told):
        yield f"{TOLD_MARK} These optimizers are told the {told} of the task; all others learn from gradients alone."


def _marks(comparison: Comparison) -> Iterator[str]:
    verdicts = [verdict for verdict in comparison.verdicts.values() if len(verdict.standings) > 1]
    marks = {verdict.mark(index) for verdict in verdicts for index in verdict.standings}
    meanings = {
        "best": "Bold: the best of those that are not worse than others.",
        "better": "▲: better than the baseline.",
        "worse": "▼: worse than the baseline.",
        "tied": f"†: not told apart from {_reference(comparison)}, though a loss twice as high would have been.",
        "undecided": "?: these runs cannot tell.",
    }
    shown = [text for mark, text in meanings.items() if mark in marks]
    standings = [standing for verdict in verdicts for standing in verdict.standings.values() if standing.test != "none"]
    if not shown:
        return
    yield " ".join(shown)
    if not standings:
        return
    tests = f"one-sided exact tests, {' and '.join(_tests(standings))}"
    if comparison.baseline is not None:
        yield (
            f"Each optimizer is compared with the baseline alone by {tests}, two at level {LEVEL / 2:g} each, without "
            "correction for the other comparisons. Diverged runs rank last."
        )
    else:
        others = max(standing.num_tests for standing in standings)
        yield (
            f"Worse (no mark): others are better according to {tests}, with Simes' correction for "
            f"{counted(others, 'other', 'others')}, at level {LEVEL}. Diverged runs rank last. p is the probability of "
            "results at least as extreme if no other optimizer were better."
        )
    pairs = "; runs of equal seeds are paired" if any(s.test == "signed-rank" for s in standings) else ""
    yield (
        f"Ratios and differences: Hodges-Lehmann estimates with {100 * CONFIDENCE:g} % intervals by the same tests, "
        f"each by itself{pairs}."
    )


def _reference(comparison: Comparison) -> str:
    return "the best" if comparison.baseline is None else "the baseline"


def _tests(standings: Iterable[Standing]) -> Iterator[str]:
    """Yield the tests that were used, with their numbers of replicates."""
    titles = {
        "signed-rank": "Wilcoxon's signed-rank test, paired by seed",
        "sign": "the sign test",
        "rank-sum": "Mann and Whitney's rank-sum test",
    }
    for name, title in titles.items():
        found = [standing.sizes for standing in standings if standing.test == name]
        sizes = {size for pair in found for size in (pair if name == "rank-sum" else (max(pair),))}
        if sizes:
            yield f"{title} (n = {_range(sizes)})"


def _range(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


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


def _left_out(comparison: Comparison) -> Iterator[str]:
    if comparison.left_out:
        yield f"Left out, as none of their runs can be scored there: {', '.join(comparison.left_out)}."


def versions_text(provenances: Iterable[Provenance]) -> str:
    """Return each distinct set of versions once."""
    versions = dict.fromkeys(
        ", ".join(f"{name} {version}" for name, version in p.versions.items())
        + (f", commit {p.commit[:12]}{'-dirty' if p.commit.endswith('-dirty') else ''}" if p.commit else "")
        for p in provenances
    )
    return "; ".join(versions)
