"""Numbers and names as text, the same in every report format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median

from lodo_bench.analysis.edges import Edges, edges_of
from lodo_bench.analysis.published import PublishedScore
from lodo_bench.analysis.statistics import Effect, Summary
from lodo_bench.analysis.statistics.target import TargetSummary
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.space import range_text
from lodo_bench.spec.training import OptimizerSpec

NOTHING = "–"
EDGE_MARK = "‡"
COMPILED_MARK = "§"
TOLD_MARK = "¶"
_NO_EDGES: Edges = {}


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with few digits, or a dash for a missing one."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{digits}g}"


def mean_and_spread(summary: Summary | None) -> str:
    """Return mean ± standard deviation, such as `16.83 ± 0.12`."""
    if summary is None or not summary.count:
        return NOTHING
    spread = "" if math.isnan(summary.std) else f" ± {number(summary.std, 2)}"
    return number(summary.mean) + spread


def speed(value: float | None) -> str:
    """Return steps per second, such as `12,345` or `0.157`."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def mean_speed(summary: Summary | None) -> str:
    """Return steps per second as mean ± standard deviation, such as `12,345 ± 67`."""
    if summary is None or not summary.count:
        return NOTHING
    return speed(summary.mean) + ("" if math.isnan(summary.std) else f" ± {speed(summary.std)}")


def median_and_range(values: Iterable[float]) -> str:
    """Return the median and the range of the finite values, such as `16.83 [16.7 to 17.1]`."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return NOTHING
    return f"{number(median(finite))} [{number(min(finite))} to {number(max(finite))}]"


def effect_text(effect: Effect | None) -> str:
    """Return a ratio or difference with its interval, such as `1.31× [1.22 to 1.43]`."""
    if effect is None or math.isnan(effect.estimate):
        return NOTHING
    write = _times if effect.kind == "ratio" else _signed
    if math.isnan(effect.low) or math.isnan(effect.high):
        return write(effect.estimate)
    return f"{write(effect.estimate)} [{write(effect.low)} to {write(effect.high)}]"


def _times(value: float) -> str:
    return f"{number(value, 3)}×"


def _signed(value: float) -> str:
    return f"{value:+.3g}"


def diverged_count(diverged: int, runs: int) -> str:
    """Return the number of diverged runs, such as `1 of 8`."""
    return f"{diverged} of {runs}"


def published_text(score: PublishedScore | None) -> str:
    """Return a published score, such as `0.00104 ± 2.14e-05`, or `diverged`."""
    if score is None:
        return NOTHING
    if math.isinf(score.mean):
        return "diverged"
    return number(score.mean) + (f" ± {number(score.std, 3)}" if score.std is not None else "")


def target_text(summary: TargetSummary | None, *, whole: bool) -> str:
    """Return the steps or seconds to a target, such as `5,120 ± 80, not reached (3 of 8)`.

    Args:
        summary: the runs that reached the target, and the number of those that did not.
        whole: write out whole numbers, such as steps.
    """
    if summary is None or not (summary.reached.count or summary.missed):
        return NOTHING
    write = mean_speed if whole else mean_and_spread
    missed = f"not reached ({summary.missed} of {summary.missed + summary.reached.count})"
    parts = [write(summary.reached)] if summary.reached.count else []
    return ", ".join(parts + [missed] * bool(summary.missed))


def solved_count(summary: TargetSummary) -> str:
    """Return the number of runs that reached the target, such as `3 of 8`."""
    runs = summary.missed + summary.reached.count
    return f"{summary.reached.count} of {runs}" if runs else NOTHING


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, such as `1 run` or `8 runs`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def duration(seconds: float) -> str:
    """Return a duration, such as `51.2 s`, `12.5 min` or `3.4 h`."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{number(seconds / size, 3)} {unit}"
    return f"{number(seconds, 3)} s"


def hyperparameter_list(values: Mapping[str, float], edges: Edges = _NO_EDGES) -> str:
    """Return hyperparameters, such as `learning_rate = 0.001, beta1 = 0.9`, with a note on those at an edge."""
    notes = {name: f" ({edge_note(bounds)})" for name, bounds in edges.items()}
    return ", ".join(f"{name} = {value:.6g}{notes.get(name, '')}" for name, value in values.items())


def hyperparameter_text(hyperparameters: Hyperparameters, edges: Edges = _NO_EDGES) -> str:
    """Return the values in one line, or what an optimizer without hyperparameters uses instead."""
    if hyperparameters.weights_study_id is not None:
        return "meta-trained weights"
    return hyperparameter_list(hyperparameters.values, edges) or "none"


def searched_text(searches: Iterable[Hyperparameters], edges: Edges = _NO_EDGES) -> str:
    """Return the values that one or several searches found, of several the median and the range of each."""
    first, *others = searches
    if not others or first.weights_study_id is not None:
        return hyperparameter_text(first, edges)
    parts = []
    for name in first.values:
        note = f" ({edge_note(edges[name])})" if name in edges else ""
        parts.append(f"{name} = {median_and_range(each.values[name] for each in (first, *others))}{note}")
    return ", ".join(parts) or "none"


def tuned_cell(value: float | None, edges: Edges, name: str, digits: int) -> str:
    """Return the cell of the value of the hyperparameter `name`, marked if it is at an edge of its range."""
    return number(value, digits) + (f" {EDGE_MARK}" if name in edges else "")


def edge_notes(tuned: Iterable[tuple[OptimizerSpec, Mapping[str, float] | None]]) -> list[str]:
    """Return the notes below a table of tuned values, one for each marked cell.

    Args:
        tuned: the optimizers of the table with their values.
    """
    return [
        f"{EDGE_MARK} {optimizer.label}: {name} is {edge_note(bounds)}."
        for optimizer, values in tuned
        for name, bounds in edges_of(optimizer, values).items()
    ]


def edge_note(bounds: tuple[float, float]) -> str:
    """Return what a tuned value at an edge of its range means to the reader."""
    return f"at the edge of its range {range_text(bounds)}: widen it with a space file"
