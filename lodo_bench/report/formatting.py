"""Numbers and names as text, the same in every report format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from lodo_bench.analysis.edges import Edges, edges_of
from lodo_bench.analysis.published import PublishedScore
from lodo_bench.analysis.statistics import Effect, Summary, median
from lodo_bench.analysis.statistics.target import TargetSummary
from lodo_bench.report.rounding import at_place, place_of, rounded, with_error
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.space import range_text
from lodo_bench.spec.training import OptimizerSpec

NOTHING = "–"
EDGE_MARK = "‡"
COMPILED_MARK = "§"
TOLD_MARK = "¶"
_NO_EDGES: Edges = {}


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with few significant digits, or a dash for a missing one."""
    return NOTHING if value is None or math.isnan(value) else rounded(value, digits)


def mean_and_spread(summary: Summary | None) -> str:
    """Return mean ± standard deviation, rounded to the digit of the latter, such as `16.83 ± 0.12`."""
    return _with_spread(summary, grouped=False)


def mean_alone(summary: Summary) -> str:
    """Return the mean with the digits that it has beside its standard deviation, such as `16.83`."""
    return mean_and_spread(summary).partition(" ± ")[0]


def speed(value: float | None) -> str:
    """Return steps per second, such as `12,345` or `0.157`."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else rounded(value, 3)


def mean_speed(summary: Summary | None) -> str:
    """Return steps per second as mean ± standard deviation, such as `12,345 ± 67`."""
    return _with_spread(summary, grouped=True)


def _with_spread(summary: Summary | None, *, grouped: bool) -> str:
    if summary is None or not summary.count:
        return NOTHING
    if math.isnan(summary.std):
        return speed(summary.mean) if grouped else number(summary.mean)
    return with_error(summary.mean, summary.std, grouped=grouped)


def median_and_range(values: Iterable[float]) -> str:
    """Return median and range of several searches, such as `9.81 [9.70 to 9.94]`.

    All have the digit to which half the range is known, and at least two digits of their own. A value that is not
    finite has diverged; it counts as higher than all others, unless it is minus infinity.

    Args:
        values: one for each search.
    """
    ordered = sorted(math.inf if math.isnan(value) else value for value in values)
    if not ordered:
        return NOTHING
    texts = [_diverged_or(text) for text in _alike(median(ordered), ordered[0], ordered[-1])]
    return texts[0] if len(ordered) == 1 else f"{texts[0]} [{texts[1]} to {texts[2]}]"


def interval(low: float, high: float) -> str:
    """Return an interval such as `9.70 to 9.94`, rounded to the digit of its half-width; empty if an end is NaN."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return " to ".join(_alike(low, high))


def ratio(value: float | None) -> str:
    """Return a ratio with two significant digits, such as `1.3×` or `900×`."""
    if value is None or math.isnan(value):
        return NOTHING
    if not math.isfinite(value) or value <= 0:
        return f"{number(value, 2)}×"
    return f"{at_place(value, place_of(value), value)}×"


def effect_text(effect: Effect | None) -> str:
    """Return a ratio or difference with its interval, such as `1.31× [1.22 to 1.43]`."""
    if effect is None or math.isnan(effect.estimate):
        return NOTHING
    is_ratio = effect.kind == "ratio"
    if math.isnan(effect.low) or math.isnan(effect.high):
        return ratio(effect.estimate) if is_ratio else _signed(number(effect.estimate, 2))
    texts = _alike(effect.estimate, effect.low, effect.high)
    estimate, low, high = texts if is_ratio else map(_signed, texts)
    return f"{estimate}{'×' if is_ratio else ''} [{low} to {high}]"


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def diverged_count(diverged: int, runs: int) -> str:
    """Return the number of diverged runs, such as `1 of 8`."""
    return f"{diverged} of {runs}"


def published_text(score: PublishedScore | None) -> str:
    """Return a published score, such as `0.00104 ± 0.00002`, or `diverged`."""
    if score is None:
        return NOTHING
    if math.isinf(score.mean):
        return "diverged"
    return number(score.mean) if score.std is None else with_error(score.mean, score.std)


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


def _alike(*values: float) -> list[str]:
    """Return numbers with the digit to which half the range of the finite ones is known."""
    finite = [value for value in values if math.isfinite(value)]
    half = (max(finite) - min(finite)) / 2 if finite else 0.0
    if not half:
        return [number(value) for value in values]
    scale = max(abs(value) for value in finite)
    return [_to_place(value, place_of(half), scale) for value in values]


def _to_place(value: float, place: int, scale: float) -> str:
    if not math.isfinite(value):
        return number(value)
    return at_place(value, min(place, place_of(value)) if value else place, scale)


def _diverged_or(text: str) -> str:
    return "diverged" if text in ("inf", "-inf") else text
