"""Two run sets side by side."""

from __future__ import annotations

import math
from dataclasses import asdict

from lodo_bench.analysis.differences import PairedLosses, RunSetDifference
from lodo_bench.analysis.documents import damaged_document, run_settings_document
from lodo_bench.analysis.statistics import Summary
from lodo_bench.cli.output import print_json
from lodo_bench.cli.views.table import show_table
from lodo_bench.report.formatting import NOTHING, counted, mean_and_spread, mean_speed, number
from lodo_bench.results.reader import Results
from lodo_bench.spec.run_set import RunSetRecord


def print_difference(
    records: tuple[RunSetRecord, RunSetRecord], found: RunSetDifference, results: Results, json: bool
) -> None:
    """Print what differs between two run sets, and their losses and speeds with ratios."""
    if json:
        print_json({**_document(records, found), **damaged_document(results.damaged)})
        return
    first, second = (f"run set {record.id}" for record in records)
    print(f"{_title(records[0])}\n{_title(records[1])}\n")
    rows = [[name, a or NOTHING, b or NOTHING] for name, (a, b) in found.settings.items()]
    rows += [[name, *_values(pair)] for name, pair in found.hyperparameters.items()]
    rows += [[name, a or NOTHING, b or NOTHING] for name, (a, b) in found.provenance.items()]
    if rows:
        show_table(["different", first, second], rows, left=3)
    else:
        print("Their settings, machines and versions are equal.")
    same_seeds = "seeds" not in found.settings  # else the means are of different problems, and only pairs compare
    figures = [
        [f"loss at {at.title}", *map(mean_and_spread, pair), number(_ratio(pair) if same_seeds else None)]
        for at, pair in found.losses.items()
    ]
    if all(found.speeds):
        figures.append(["steps/s", *map(mean_speed, found.speeds), number(_ratio(found.speeds))])
    if figures:
        print()
        show_table(["mean ± standard deviation", first, second, "ratio"], figures)
    if found.unpaired:
        print(f"\n{found.unpaired}")
    if found.pairs is not None:
        _print_pairs(found.pairs, first, second)


def _print_pairs(pairs: PairedLosses, first: str, second: str) -> None:
    rows = [[str(seed), number(a), number(b), number(b / a if a else None)] for seed, (a, b) in pairs.by_seed.items()]
    print(f"\nLoss at {pairs.milestone.title}, seed by seed:\n")
    show_table(["seed", first, second, "ratio"], rows)
    differences, interval = pairs.differences, pairs.interval
    if len(differences) > 1 and not math.isnan(interval.low):
        mean = sum(differences) / len(differences)
        print(
            f"\n{second.capitalize()} − {first}: {number(mean)} on average over {counted(len(differences), 'seed')} "
            f"(95 % confidence interval {number(interval.low)} to {number(interval.high)})."
        )
    if left_out := len(pairs.by_seed) - len(differences):
        print(f"\nNot in the mean: {counted(left_out, 'seed')} of which a run diverged.")


def _title(record: RunSetRecord) -> str:
    return f"Run set {record.id}: {record.spec.optimizer.label} on {record.spec.task.label}"


def _values(pair: tuple[float, float]) -> list[str]:
    """Return two different values, in as many digits as it takes to tell them apart."""
    short = [number(value, 6) for value in pair]
    return short if short[0] != short[1] else [repr(value) for value in pair]


def _ratio(pair: tuple[Summary | None, Summary | None]) -> float | None:
    """Return the second mean divided by the first; None where that is not defined."""
    first, second = pair
    return None if first is None or second is None or not first.mean else second.mean / first.mean


def _document(records: tuple[RunSetRecord, RunSetRecord], found: RunSetDifference) -> dict[str, object]:
    pairs = found.pairs
    return {
        "run_sets": [run_settings_document(record) for record in records],
        "different": {**found.settings, **found.hyperparameters, **found.provenance},
        "losses": {at.key: [asdict(summary) for summary in pair] for at, pair in found.losses.items()},
        "steps_per_second": [None if speed is None else asdict(speed) for speed in found.speeds],
        "pairs": None
        if pairs is None
        else {
            "milestone": pairs.milestone.key,
            "losses": {str(seed): list(pair) for seed, pair in pairs.by_seed.items()},
            "interval": asdict(pairs.interval),
        },
        "unpaired": found.unpaired,
    }
