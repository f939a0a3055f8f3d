"""Captions that say which statistic a chart shows, and over how many seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lodo_bench.charts.searches import fitness_limits
from lodo_bench.charts.series import PlotSeries
from lodo_bench.charts.sweeps import SweepLine
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import LossBound


def seeds_text(counts: Iterable[int]) -> str:
    """Return `8 seeds`, or `3 to 8 seeds` if the lines have different numbers of them."""
    found = sorted(set(counts))
    if found in ([], [1]):
        return "1 seed"
    return f"{found[0]} seeds" if len(found) == 1 else f"{found[0]} to {found[-1]} seeds"


def curves_caption(lines: Sequence[PlotSeries]) -> str:
    """Return a caption for curves over steps or time."""
    runs = [line.band.runs for line in lines]
    drawn = f"Line: median over {seeds_text(runs)}. Band: lowest to highest." if max(runs) > 1 else "Line: 1 seed."
    return f"{drawn} Each point is the mean since the previous point."


def excess_caption(bound: LossBound) -> str:
    """Return a sentence for curves minus a bound."""
    return (
        f"Loss minus the bound ({bound.name}, {bound.loss:.4g}): where it is 0 or less, or too small to be told from "
        "noise, a line is below the axis (▼)."
    )


def sweep_caption(lines: Sequence[SweepLine]) -> str:
    """Return a caption for a sweep."""
    summaries = [summary for line in lines for _, summary in line.points]
    counts = [summary.count + summary.diverged for summary in summaries]
    text = f"Point: mean over {seeds_text(counts)}. Bar: ± 1 sample standard deviation."
    return f"{text} Diverged runs are excluded." if any(summary.diverged for summary in summaries) else text


def search_caption(study: StudyRecord) -> str:
    """Return a caption for one search, with the number of individuals above the fitness axis."""
    count = len(study.individuals)
    text = f"{count:,} individuals, each trained once; search seed {study.spec.seed}."
    if not (clipped := fitness_limits(study).clipped):
        return text
    verb = "is" if len(clipped) == 1 else "are"
    return f"{text} {len(clipped):,} of them {verb} above the fitness axis (▲): up to {max(clipped):.2g}."


def trajectories_caption(seeds: Iterable[int]) -> str:
    """Return a caption for trajectories of single runs."""
    found = sorted(set(seeds))
    name = "seed" if len(found) == 1 else "seeds"
    return f"One run of each optimizer, {name} {', '.join(map(str, found))}."


def profile_caption(tasks: str) -> str:
    """Return a caption for a performance profile over `tasks`, such as `3 tasks`."""
    return (
        f"Share over the single seeds of {tasks}, each task weighted alike; nothing is averaged. A run is within τ if "
        "its loss is at most τ times the lowest loss of any optimizer with the same seed."
    )
