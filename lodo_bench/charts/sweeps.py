"""Losses of run sets that differ in one option or hyperparameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lodo_bench.analysis.statistics import Summary, summarize
from lodo_bench.charts.groups import group_labels
from lodo_bench.charts.line_styles import LineStyle, line_styles_of
from lodo_bench.charts.sweep_rest import left_out
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.options import Value
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import RunSetRecord, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

V = TypeVar("V")
Groups = Sequence[dict[Value, list[RunSetRecord]]]


@dataclass(frozen=True, slots=True)
class SweepLine:
    """A line of a sweep: `points` are the swept values in order, each with the loss summarized over the seeds."""

    label: str
    line_style: LineStyle
    points: Sequence[tuple[Value, Summary]]


@dataclass(frozen=True, slots=True)
class SweepChart:
    """The lines of a sweep.

    Attributes:
        steps: the step milestone of their losses.
        lines: at least one.
        left_out: for each of the runs that are on no line, a sentence that says why.
    """

    steps: int
    lines: Sequence[SweepLine]
    left_out: Sequence[str] = ()


def sweep_over(
    run_sets: Iterable[RunSetRecord],
    name: str,
    value_of: Callable[[RunSetSpec], Value | None],
    unit: Callable[[Value], float] = lambda _: 1.0,
) -> SweepChart | None:
    """Return the loss against an option or hyperparameter, for runs that are otherwise alike.

    Runs on one line share task, optimizer, device, dtype, backend and the source of their hyperparameters; if `name` is
    a hyperparameter, or the hyperparameters were given, the other values instead of the source. Of several run sets at
    one value the latest counts, seed by seed.

    Args:
        run_sets: run sets on one task except for `name`, oldest first.
        name: a task option, an optimizer option, an entry of a recipe or a hyperparameter.
        value_of: returns its value in a run set, or None if it has none.
        unit: returns, for a swept value, the number by which losses are divided; a value for which it is 0 is left out.

    Returns:
        The lines with at least two values, at the longest step milestone that has any; None if there are none.
    """
    stored = [(value_of(r.spec), r) for r in run_sets if r.runs]
    valued = [(value, r) for value, r in stored if value is not None and unit(value) != 0]
    for steps in sorted({r.spec.steps for _, r in valued}, reverse=True):
        groups = _groups([(value, r) for value, r in valued if r.spec.steps == steps], name)
        if lines := _lines(groups, name, steps, unit):
            return SweepChart(steps, lines, left_out(stored, name, steps, groups, unit))
    return None


def without_option(task: TaskSpec, name: str) -> TaskSpec:
    """Return the task without one option."""
    return replace(task, options=_without(task.options, name))


def _groups(valued: Sequence[tuple[Value, RunSetRecord]], name: str) -> list[dict[Value, list[RunSetRecord]]]:
    """Group run sets that differ only in the swept value, each group by that value."""
    groups: dict[tuple[object, ...], dict[Value, list[RunSetRecord]]] = {}
    for value, run_set in valued:
        groups.setdefault(_key(run_set.spec, name), {}).setdefault(value, []).append(run_set)
    return list(groups.values())


def _lines(groups: Groups, name: str, steps: int, unit: Callable[[Value], float]) -> list[SweepLine]:
    lines = [by_value for by_value in groups if len(by_value) > 1]
    specs = [_stripped(next(reversed(by_value.values()))[-1].spec, name) for by_value in lines]
    styles = line_styles_of([spec.optimizer.name for spec in specs])
    return [
        SweepLine(label, style, summarize_points(_ordered(by_value), Milestone("steps", steps), unit))
        for label, style, by_value in zip(group_labels(specs), styles, lines, strict=True)
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


def _ordered(by_value: Mapping[Value, V]) -> dict[Value, V]:
    numeric = not any(isinstance(value, str) for value in by_value)
    return {value: by_value[value] for value in (sorted(by_value, key=float) if numeric else by_value)}


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
    by_value = name in values or spec.hyperparameters.source == "given"
    rest = tuple(sorted(_without(values, name).items())) if by_value else spec.hyperparameters.source
    options = tuple(sorted(_without(spec.optimizer.options, name).items()))
    recipe = tuple(sorted(_without(spec.optimizer.recipe, name).items()))
    method = (spec.optimizer.name, spec.optimizer.version, spec.optimizer.space, recipe, options)
    return *method, spec.compute, rest


def _stripped(spec: RunSetSpec, name: str) -> RunSetSpec:
    """Return the specification without the swept option or value, for the label of its line."""
    values = spec.hyperparameters.values
    kept = replace(spec.hyperparameters, values=_without(values, name), provenance_note="", study_id=None)
    return replace(
        spec,
        task=without_option(spec.task, name),
        optimizer=_without_entry(spec.optimizer, name),
        hyperparameters=kept,
    )


def _without_entry(optimizer: OptimizerSpec, name: str) -> OptimizerSpec:
    return replace(optimizer, options=_without(optimizer.options, name), recipe=_without(optimizer.recipe, name))


def _without(values: Mapping[str, V], name: str) -> dict[str, V]:
    return {key: value for key, value in values.items() if key != name}
