"""What stands beneath a table: how it was measured and computed, what it cost, and where it ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lodo_bench.analysis.comparison import Comparison, Row
from lodo_bench.analysis.statistics import LEVEL, ComparisonResult
from lodo_bench.analysis.targets import Targets
from lodo_bench.report.formatting import counted, duration, number
from lodo_bench.report.table import Note
from lodo_bench.spec.provenance import Machine, Provenance


def notes(comparison: Comparison, machines: Sequence[Machine], targets: Targets | None) -> list[Note]:
    """All notes; `machines` are those that the letters in the table stand for."""
    return [
        *(Note(text) for text in _measures(comparison, targets)),
        *(Note(text) for text in _marks(comparison)),
        *(Note(text) for text in _costs(comparison)),
        *_machines(machines),
        *(Note(text) for text in _unfinished(comparison)),
        Note(f"Versions: {versions_text(comparison.provenances)}."),
    ]


def letter(index: int) -> str:
    """The letter of a machine."""
    return chr(ord("a") + index) if index < 26 else f"m{index + 1}"


def _measures(comparison: Comparison, targets: Targets | None) -> Iterator[str]:
    yield (
        "Loss: mean training loss over the last tenth before the milestone; mean ± sample standard deviation over the "
        "seeds, those that diverged left out."
    )
    yield "Steps/s: gradient steps on fresh batches by the clock of training alone."
    scores = dict.fromkeys(column.score_title for column in comparison.columns if not column.is_loss)
    if scores:
        yield f"{', '.join(scores).capitalize()}: measured at the milestone, off the clock; mean and spread likewise."
    if targets is not None:
        yield (
            f"To loss ≤ {number(targets.loss)}: the first step at which the mean of the last {targets.window:,} losses "
            "is at most that; mean ± sample standard deviation of the runs that reached it, and how many did not."
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
        f"Bold: the best mean of those that may be the best.{tied}{undecided} An optimizer is significantly worse if "
        f"others are better by {' and '.join(_tests(standings))}, with Simes' correction for {others} "
        f"{'other' if others == 1 else 'others'}, at the level {LEVEL}. Runs that diverged rank last. p is the "
        "probability of such results, or clearer ones, if no other were better."
    )
    if any(others * standing.min_attainable_p > LEVEL for standing in standings if standing.has_power):
        yield "So few runs cannot tell an optimizer from the best if it is worse than few of the others."


def _tests(standings: Iterable[ComparisonResult]) -> Iterator[str]:
    """The tests that were used, with the numbers of runs in them."""
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
    told = [
        f"{label}: {', '.join(cost)}"
        for label, row in zip(comparison.labels, comparison.rows, strict=True)
        if (cost := _cost(row))
    ]
    if told:
        yield f"Cost in training time: {'; '.join(told)}."


def _cost(row: Row) -> list[str]:
    cost = []
    if row.tuning is not None:
        tuning = row.tuning
        cost.append(
            f"tuning {duration(tuning.seconds)} ({tuning.num_individuals:,} individuals, {tuning.steps:,} steps in all)"
        )
    if row.seconds is not None:
        cost.append(f"a final run {duration(row.seconds.mean)}")
    return cost


def _machines(machines: Sequence[Machine]) -> Iterator[Note]:
    if len(machines) > 1:
        yield Note("Steps/s were measured on different machines and cannot be compared between letters.", warning=True)
        for index, machine in enumerate(machines):
            yield Note(f"Machine {letter(index)}: {machine_text(machine)}.")
    elif machines:
        yield Note(f"Machine: {machine_text(machines[0])}.")


def machine_text(machine: Machine) -> str:
    """A machine in words."""
    device = "" if machine.device == "cpu" else f"{machine.device}, "
    cores, threads = counted(machine.cores, "core"), counted(machine.threads, "thread")
    return f"{device}{machine.cpu}, {cores}, {threads} used by PyTorch"


def _unfinished(comparison: Comparison) -> Iterator[str]:
    told = [
        f"{label} {r.unfinished}" for label, r in zip(comparison.labels, comparison.rows, strict=True) if r.unfinished
    ]
    if told:
        yield f"Runs without a score, interrupted or failed: {', '.join(told)}."


def versions_text(provenances: Iterable[Provenance]) -> str:
    """Each different set of versions once."""
    found = dict.fromkeys(
        ", ".join(f"{name} {version}" for name, version in p.versions.items())
        + (f", commit {p.commit[:12]}{'-dirty' if p.commit.endswith('-dirty') else ''}" if p.commit else "")
        for p in provenances
    )
    return "; ".join(found)
