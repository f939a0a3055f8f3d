"""Errors of the verdicts in simulated comparisons: false "worse", "cannot tell", and coverage of the intervals.

Values are drawn of which the truth is known, and judged as a report judges those of runs. Every table states how they
are drawn.

    python benchmarks/verdicts.py > benchmarks/results/verdicts.md
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from simulated_verdicts import (
    AROUND_ONE,
    DISTRIBUTIONS,
    SEARCH_SPREAD,
    SEEDS_PER_SEARCH,
    Counts,
    Draw,
    Setting,
    log_normal,
    searched,
    searched_once,
    simulate,
)

from lodo_bench.analysis.statistics import Kind

EFFECTS = (1.1, 1.5, 3.0, 300.0)
MIXES = {"0:1": 0.0, "1:1": 0.5, "1:0": 1.0}
"""Variance between searches to variance between seeds."""


STATES = ("best", "tied", "worse", "undecided")


class Report:
    """The tables, with the number of trials and the random numbers that they have in common.

    Args:
        judged: how many optimizers are judged for each number of a table.
        seed: of the random numbers.
    """

    def __init__(self, judged: int, seed: int) -> None:
        self.judged, self.random = judged, np.random.default_rng(seed)

    def simulate(self, draw: Draw, kind: Kind, optimizers: int, replicates: int, **options: Any) -> Counts:
        """Simulate a `Setting` with these attributes."""
        setting = Setting(draw, kind, optimizers, replicates, **options)
        return simulate(setting, self.judged // optimizers, self.random)

    def equal_optimizers(self) -> Iterator[str]:
        """Yield the tables of optimizers that are all equally good, with seeds as replicates."""
        sizes = (2, 3, 5, 8, 20)
        found = {
            (name, optimizers): [self.simulate(draw, kind, optimizers, size) for size in sizes]
            for name, (kind, draw) in DISTRIBUTIONS.items()
            for optimizers in (2, 5, 13)
        }
        pairs = {name: row for (name, optimizers), row in found.items() if optimizers == 2}
        heads = [f"n = {size}" for size in sizes]
        yield "## Equally good optimizers, n seeds each"
        yield (
            "Runs of the same seed share a problem, which scatters twice as much as they do. Normal and Cauchy values "
            "are judged by differences, the others by ratios. An optimizer is called worse in:"
        )
        yield table("distribution | optimizers", heads, found, lambda c: share(c.every, "worse"))
        yield "At least one optimizer of all is called worse in:"
        yield table("distribution | optimizers", heads, found, lambda c: percent(c.any_worse, c.trials))
        yield "It is said of an optimizer that the data cannot tell in:"
        yield table("distribution | optimizers", heads, found, lambda c: share(c.every, "undecided"))
        yield "Compared with one baseline, an optimizer is called better or worse in:"
        yield table("distribution", heads, pairs, lambda c: percent(c.planned["better"] + c.planned["worse"], c.trials))
        yield "The interval of the effect of one optimizer on another holds the true effect in (–: there is none):"
        yield table("distribution", heads, pairs, lambda c: coverage(c))

    def equal_searches(self) -> Iterator[str]:
        """Yield the tables of optimizers that are all equally good, with searches as replicates."""
        sizes = (3, 5, 10)
        found = {
            (mix, optimizers): [
                self.simulate(searched(share), "ratio", optimizers, size, unit="search") for size in sizes
            ]
            for mix, share in MIXES.items()
            for optimizers in (2, 5, 13)
        }
        heads = [f"R = {size}" for size in sizes]
        yield "## Equally good optimizers, R searches each"
        yield (
            f"The value of a search is the mean of {SEEDS_PER_SEARCH} runs with the result, log-normal with σ = "
            f"{SEARCH_SPREAD} (if between searches only). Its variance is between searches and between seeds in the "
            "proportion given. Runs of the r-th searches share the noise of their seeds, half of the variance between "
            "seeds. Each cell: an optimizer is called worse; it is said that the data cannot tell; the interval of a "
            "ratio holds the true one."
        )
        yield table(
            "searches : seeds | optimizers",
            heads,
            found,
            lambda c: f"{share(c.every, 'worse')}; {share(c.every, 'undecided')}; {coverage(c)}",
        )
        yield (
            "For comparison, one search for each optimizer, and n seeds: the verdict is on the values that were found. "
            "Taken for one on optimizers, with half of the variance between searches, it calls one worse in:"
        )
        once = {
            (optimizers,): [self.simulate(searched_once, "ratio", optimizers, n) for n in (8, 20)]
            for optimizers in (2, 5, 13)
        }
        yield table("optimizers", ["n = 8", "n = 20"], once, lambda c: share(c.every, "worse"))

    def constants(self) -> Iterator[str]:
        """Yield the table of a deterministic optimizer beside a random one."""
        sizes = (5, 6, 8, 20)
        found = {
            name: [self.simulate(draw, kind, 2, size, constant=1.0) for size in sizes]
            for name, (kind, draw) in AROUND_ONE.items()
        }
        yield "## A deterministic optimizer, and one with n values whose median is the same"
        yield "Each cell: the random one is called worse; the deterministic one is; the interval holds the true effect."
        yield table(
            "distribution",
            [f"n = {size}" for size in sizes],
            found,
            lambda c: f"{percent(c.others['worse'], c.trials)}; {percent(c.first['worse'], c.trials)}; {coverage(c)}",
        )

    def known_effects(self) -> Iterator[str]:
        """Yield the tables of one optimizer that is better than all others."""
        yield "## One optimizer is better than the others"
        yield (
            "The others' values are that many times as high, and equally good among themselves. Each cell: the shares "
            "of best; tied; worse; undecided. The interval is that of the ratio of one of the others to the best."
        )
        seeds = [(0.5, ratio, n) for ratio in EFFECTS for n in (3, 8, 20)] + [(2.0, 300.0, n) for n in (3, 5, 8, 20)]
        found = {
            (f"{ratio:g}", f"{n} seeds, σ = {spread:g}", optimizers): [
                self.simulate(log_normal(spread), "ratio", optimizers, n, ratio=ratio)
            ]
            for spread, ratio, n in seeds
            for optimizers in (2, 13)
        }
        found |= {
            (f"{ratio:g}", f"{n} searches, σ = {SEARCH_SPREAD}", optimizers): [
                self.simulate(searched(0.5), "ratio", optimizers, n, unit="search", ratio=ratio)
            ]
            for ratio in EFFECTS
            for n in (3, 5, 10)
            for optimizers in (2, 13)
        }
        lines = ["| ratio | replicates | optimizers | the best | another | interval holds |", f"|{' --- |' * 6}"]
        for key, (counts,) in found.items():
            cells = [
                *key,
                *("; ".join(share(states, s) for s in STATES) for states in (counts.first, counts.others)),
                coverage(counts),
            ]
            lines.append(f"| {' | '.join(map(str, cells))} |")
        yield "\n".join(lines)


def share(states: Counter[str], state: str) -> str:
    """Return the share of a state."""
    return percent(states[state], states.total())


def coverage(counts: Counts) -> str:
    """Return the share of intervals that hold the true effect."""
    return percent(counts.covering, counts.intervals)


def percent(count: int, total: int) -> str:
    """Return a share in percent."""
    return f"{100 * count / total:.1f} %" if total else "–"


def table(keys: str, heads: Sequence[str], rows: Mapping[Any, Sequence[Counts]], cell: Callable[[Counts], str]) -> str:
    """Return a Markdown table with a row for each key, or tuple of keys."""
    names = [*keys.split(" | "), *heads]
    lines = [names, ["---"] * len(names)]
    for key, row in rows.items():
        lines.append([*map(str, key if isinstance(key, tuple) else (key,)), *map(cell, row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Simulate and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judged", type=int, default=2600, help="optimizers for each number (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default %(default)s)")
    arguments = parser.parse_args()
    report = Report(arguments.judged, arguments.seed)
    print("# Verdicts on simulated runs\n")
    print(f"    python benchmarks/verdicts.py --judged {arguments.judged} --seed {arguments.seed}\n")
    print(f"Each number is of {arguments.judged:,} optimizers: {arguments.judged // 2:,} comparisons of 2 or ", end="")
    print(f"{arguments.judged // 13:,} of 13. Rules: [docs/statistics.md](../../docs/statistics.md).")
    for part in (report.equal_optimizers, report.equal_searches, report.constants, report.known_effects):
        for block in part():
            print(f"\n{block}", flush=True)


if __name__ == "__main__":
    main()
