"""How numbers and names are written for people, whatever the format of the report."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lodo_bench.analysis.published import PublishedScore
from lodo_bench.analysis.statistics import Summary
from lodo_bench.analysis.statistics.target import TargetSummary
from lodo_bench.spec.run_set import Hyperparameters

NOTHING = "–"


def number(value: float | None, digits: int = 4) -> str:
    """A number in few digits, or a dash for one that is not there."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{digits}g}"


def mean_and_spread(summary: Summary | None) -> str:
    """`16.83 ± 0.12`."""
    if summary is None or not summary.count:
        return NOTHING
    spread = "" if math.isnan(summary.std) else f" ± {number(summary.std, 2)}"
    return number(summary.mean) + spread


def speed(value: float | None) -> str:
    """Steps per second: `12,345`, `0.157`."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def mean_speed(summary: Summary | None) -> str:
    """Steps per second with their spread: `12,345 ± 67`."""
    if summary is None or not summary.count:
        return NOTHING
    return speed(summary.mean) + ("" if math.isnan(summary.std) else f" ± {speed(summary.std)}")


def diverged_count(summary: Summary | None) -> str:
    """`1 of 8`."""
    return NOTHING if summary is None else f"{summary.diverged} of {summary.count + summary.diverged}"


def published_text(score: PublishedScore | None) -> str:
    """`0.00104 ± 2.14e-05`, or `diverged`."""
    if score is None:
        return NOTHING
    if math.isinf(score.mean):
        return "diverged"
    return number(score.mean) + (f" ± {number(score.std, 3)}" if score.std is not None else "")


def reaching_text(reaching: TargetSummary | None, *, whole: bool) -> str:
    """`5,120 ± 80, not reached (3 of 8)`; `whole` numbers, as of steps, are written out."""
    if reaching is None or not (reaching.reached.count or reaching.missed):
        return NOTHING
    write = mean_speed if whole else mean_and_spread
    missed = f"not reached ({reaching.missed} of {reaching.missed + reaching.reached.count})"
    parts = [write(reaching.reached)] if reaching.reached.count else []
    return ", ".join(parts + [missed] * bool(reaching.missed))


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 run`, `8 runs`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def duration(seconds: float) -> str:
    """A training time: `51.2 s`, `12.5 min`, `3.4 h`."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{number(seconds / size, 3)} {unit}"
    return f"{number(seconds, 3)} s"


def hyperparameter_list(values: Iterable[tuple[str, float]]) -> str:
    """`learning_rate = 0.001, beta1 = 0.9`."""
    return ", ".join(f"{name} = {value:.6g}" for name, value in values)


def hyperparameter_text(hyperparameters: Hyperparameters) -> str:
    """The values in one line, or what there is in their place."""
    if hyperparameters.weights_study_id is not None:
        return "learned weights"
    return hyperparameter_list(hyperparameters.values.items()) or "none"
