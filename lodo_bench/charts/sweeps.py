"""From run sets that differ in one thing to lines over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lodo_bench.analysis.statistics import Summary, summarize
from lodo_bench.charts.groups import group_labels
from lodo_bench.charts.line_styles import LineStyle, line_styles_of
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.options import Value
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import RunSetRecord, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class SweepLine:
    """One line: `points` are what was swept, in order, with the score there, summarized over the seeds."""

    label: str
    line_style: LineStyle
    points: Sequence[tuple[Value, Summary]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The lines, and the step milestone that their scores are of."""

    steps: int
    lines: Sequence[SweepLine]


def sweep_over(
    run_sets: Iterable[RunSetRecord],
    name: str,
    value_of: Callable[[RunSetSpec], Value | None],
    unit: Callable[[Value], float] = lambda _: 1.0,
) -> Sweep | None:
    """Loss against what `name` was, for runs that are otherwise alike.

    Alike are: task, optimizer and arithmetic, and where their hyperparameters are from; if `name` is a hyperparameter,
    the values of the others instead. Of several run sets at one place the latest counts, seed by seed.

    Args:
        run_sets: of one task but for `name`, oldest first.
        name: a task option, an optimizer option or a hyperparameter.
        value_of: what it was in a run set; None where there is no such thing.
        unit: losses are divided by this, as a function of what was swept.

    Returns:
        The lines with two places at least, at the longest step milestone; None if there is no such line.
    """
    placed = [(value, r) for r in run_sets if r.runs and (value := value_of(r.spec)) is not None]
    for steps in sorted({r.spec.steps for _, r in placed}, reverse=True):
        lines = _lines([(value, r) for value, r in placed if r.spec.steps == steps], name, steps, unit)
        if lines:
            return Sweep(steps, lines)
    return None


def without(task: TaskSpec, name: str) -> TaskSpec:
    """The task but for one option."""
    return TaskSpec(task.name, _without(task.options, name))


def _lines(
    placed: Sequence[tuple[Value, RunSetRecord]], name: str, steps: int, unit: Callable[[Value], float]
) -> list[SweepLine]:
    groups: dict[tuple[object, ...], dict[Value, list[RunSetRecord]]] = {}
    for value, run_set in placed:
        groups.setdefault(_key(run_set.spec, name), {}).setdefault(value, []).append(run_set)
    long = [places for places in groups.values() if len(places) > 1]
    specs = [_stripped(next(reversed(places.values()))[-1].spec, name) for places in long]
    looks = line_styles_of([spec.optimizer.name for spec in specs])
    return [
        SweepLine(label, look, summarize_points(_ordered(places), Milestone("steps", steps), unit))
        for label, look, places in zip(group_labels(specs), looks, long, strict=True)
    ]


def summarize_points(
    run_sets: Mapping[Value, Sequence[RunSetRecord]], milestone: Milestone, unit: Callable[[Value], float]
) -> list[tuple[Value, Summary]]:
    """Return each swept value with the loss at a milestone, in units of `unit`, summarized over the seeds.

    Of several run sets at one value the latest counts, seed by seed.
    """
    return [
        (value, summarize(loss / unit(value) for loss in _losses(records, milestone)))
        for value, records in run_sets.items()
    ]


def _ordered(places: Mapping[Value, V]) -> dict[Value, V]:
    numeric = not any(isinstance(value, str) for value in places)
    return {value: places[value] for value in (sorted(places, key=float) if numeric else places)}


def _losses(run_sets: Iterable[RunSetRecord], milestone: Milestone) -> list[float]:
    by_seed = {
        run.seed: run.milestones[milestone]
        for run_set in run_sets
        for run in run_set.runs
        if run.status in (Status.COMPLETED, Status.DIVERGED) and milestone in run.milestones
    }
    return list(by_seed.values())


def _key(spec: RunSetSpec, name: str) -> tuple[object, ...]:
    values = spec.hyperparameters.values
    rest = tuple(sorted(_without(values, name).items())) if name in values else spec.hyperparameters.source
    options = tuple(sorted(_without(spec.optimizer.options, name).items()))
    return spec.optimizer.name, options, spec.compute.device, spec.compute.dtype, spec.compute.backend, rest


def _stripped(spec: RunSetSpec, name: str) -> RunSetSpec:
    """The specification without what was swept, for the label of its line."""
    values = spec.hyperparameters.values
    kept = replace(spec.hyperparameters, values=_without(values, name), provenance_note="", study_id=None)
    return replace(
        spec,
        task=without(spec.task, name),
        optimizer=OptimizerSpec(spec.optimizer.name, _without(spec.optimizer.options, name)),
        hyperparameters=kept,
    )


def _without(values: Mapping[str, V], name: str) -> dict[str, V]:
    return {key: value for key, value in values.items() if key != name}
