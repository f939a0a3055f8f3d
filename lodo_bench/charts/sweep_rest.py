"""The runs that a sweep leaves out, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from lodo_bench.spec.options import Value, format_value
from lodo_bench.spec.run_set import RunSetRecord

_NAMED = 8  # run sets that are named by number


def left_out(
    stored: Sequence[tuple[Value | None, RunSetRecord]],
    name: str,
    steps: int,
    groups: Iterable[Mapping[Value, Sequence[RunSetRecord]]],
    unit: Callable[[Value], float],
) -> list[str]:
    """Return a sentence for each reason for which run sets are on no line of a sweep.

    Args:
        stored: run sets with their swept value, None if they have none.
        name: what is swept.
        steps: the step milestone of the sweep.
        groups: the run sets at this milestone that differ only in the swept value, by that value.
        unit: returns, for a swept value, the number by which losses are divided.
    """
    valued = [(value, r) for value, r in stored if value is not None]
    other_steps = sorted({r.spec.steps for value, r in valued if unit(value) and r.spec.steps != steps})
    sentences = [
        _sentence([r for value, r in stored if value is None], f"without {name}"),
        _sentence([r for value, r in valued if not unit(value)], f"with {name} = 0, which losses cannot be divided by"),
        *(
            _sentence([r for value, r in valued if unit(value) and r.spec.steps == count], f"of {count:,} steps")
            for count in other_steps
        ),
    ]
    for by_value in groups:
        if len(by_value) == 1:
            ((value, run_sets),) = by_value.items()
            source = run_sets[-1].spec.hyperparameters.label
            reason = f"with one value of {name}, {format_value(value)}, and everything else alike ({source})"
            sentences.append(_sentence(run_sets, reason))
    return [sentence for sentence in sentences if sentence]


def _sentence(run_sets: Sequence[RunSetRecord], reason: str) -> str:
    """Return a sentence such as `adam, lodo: 3 run sets without momentum (1, 2, 5)`; empty if there are none."""
    if not run_sets:
        return ""
    names = ", ".join(dict.fromkeys(r.spec.optimizer.label for r in run_sets))
    numbers = ", ".join(str(r.id) for r in run_sets[:_NAMED]) + ", …" * (len(run_sets) > _NAMED)
    noun = "run set" if len(run_sets) == 1 else "run sets"
    return f"{names}: {len(run_sets)} {noun} {reason} ({numbers})"
