"""All runs of one task, brought together: a row for each optimizer and its hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lodo_bench.records import Hyperparameters, Machine, Provenance, RunSetRecord, RunSetSpec
from lodo_bench.results.published import PublishedScore, published_score
from lodo_bench.results.statistics import Summary, summarize
from lodo_bench.spec import Bound, Milestone, OptimizerSpec, Status, TaskSpec


@dataclass(frozen=True, slots=True)
class Row:
    """One optimizer with one choice of hyperparameters.

    Attributes:
        optimizer, hyperparameters, arithmetic: what was run; `arithmetic` is device, dtype and kernel.
        losses: the losses over the seeds, by milestone key.
        published: the paper's values, by milestone key, where known.
        speed: steps per second over the timed seeds; None if none was timed.
        machines: on which machines those were timed.
        unfinished: how many seeds were interrupted or failed and have no score.
    """

    optimizer: OptimizerSpec
    hyperparameters: Hyperparameters
    arithmetic: str
    losses: Mapping[str, Summary]
    published: Mapping[str, PublishedScore]
    speed: Summary | None
    machines: tuple[Machine, ...]
    unfinished: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The report on one task.

    Attributes:
        task: the task, with its options.
        milestones: keys of the columns, steps before seconds, short before long.
        rows: best first, by the loss at the longest milestone that a row has.
        bound: the loss that nothing can beat in the long run, where known.
        provenances: of all runs in it.
    """

    task: TaskSpec
    milestones: tuple[str, ...]
    rows: tuple[Row, ...]
    bound: Bound | None
    provenances: tuple[Provenance, ...]


@dataclass(slots=True)
class _Gathered:
    """What is known of a row, by seed; a later run of a seed replaces an earlier one."""

    optimizer: OptimizerSpec
    hyperparameters: Hyperparameters
    losses: dict[str, dict[int, float]] = field(default_factory=dict)
    speeds: dict[int, tuple[float, Machine]] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)


def compare(run_sets: Iterable[RunSetRecord], bound: Callable[[TaskSpec], Bound | None]) -> list[Comparison]:
    """One comparison for each task and its options, in the order in which they were first run.

    Args:
        run_sets: oldest first.
        bound: tells a task's bound.
    """
    by_task: dict[tuple[object, ...], list[RunSetRecord]] = {}
    for run_set in run_sets:
        if run_set.runs:
            task = run_set.spec.task
            by_task.setdefault((task.name, *sorted(task.options.items())), []).append(run_set)
    return [_comparison(group, bound(group[0].spec.task)) for group in by_task.values()]


def row_key(spec: RunSetSpec) -> tuple[object, ...]:
    """What runs have in common that make one row of a table, or one line of a picture, of their task.

    The optimizer's name comes first, and the arithmetic, in words, second.
    """
    arithmetic = f"{spec.device}, {spec.dtype}, {spec.kernel}"
    structure = tuple(sorted(spec.optimizer.options.items()))
    source = spec.hyperparameters.source, spec.hyperparameters.learned_in
    values = tuple(sorted(spec.hyperparameters.values.items()))
    return spec.optimizer.name, arithmetic, structure, source, values


def milestone_order(key: str) -> tuple[str, float]:
    """Sorts milestone keys: steps before seconds, short before long."""
    unit, _, value = key.partition(":")
    return "0" if unit == "steps" else "1", float(value)


def _comparison(run_sets: Sequence[RunSetRecord], bound: Bound | None) -> Comparison:
    task = run_sets[0].spec.task
    gathered: dict[tuple[object, ...], _Gathered] = {}
    for run_set in run_sets:
        _gather(run_set, gathered)
    rows = [_row(task, str(key[1]), found) for key, found in gathered.items()]
    milestones = tuple(sorted({m for row in rows for m in row.losses}, key=milestone_order))
    return Comparison(
        task=task,
        milestones=milestones,
        rows=tuple(sorted(rows, key=lambda row: _rank(row, milestones))),
        bound=bound,
        provenances=tuple(p for run_set in run_sets for p in run_set.provenances),
    )


def _gather(run_set: RunSetRecord, gathered: dict[tuple[object, ...], _Gathered]) -> None:
    spec = run_set.spec
    key = row_key(spec)
    found = gathered.setdefault(key, _Gathered(spec.optimizer, spec.hyperparameters))
    found.hyperparameters = spec.hyperparameters
    for run, provenance in zip(run_set.runs, run_set.provenances, strict=True):
        if run.status in (Status.INTERRUPTED, Status.FAILED):
            found.unfinished.add(run.seed)
            continue
        for milestone, loss in run.milestones.items():
            found.losses.setdefault(milestone, {})[run.seed] = loss
        if run.status is Status.COMPLETED and run.steps_per_second is not None:
            found.speeds[run.seed] = run.steps_per_second, provenance.machine


def _row(task: TaskSpec, arithmetic: str, found: _Gathered) -> Row:
    published = {key: published_score(task, key, found.optimizer) for key in found.losses}
    speeds = [speed for speed, _ in found.speeds.values()]
    return Row(
        optimizer=found.optimizer,
        hyperparameters=found.hyperparameters,
        arithmetic=arithmetic,
        losses={key: summarize(by_seed.values()) for key, by_seed in found.losses.items()},
        published={key: score for key, score in published.items() if score is not None},
        speed=summarize(speeds) if speeds else None,
        machines=tuple(dict.fromkeys(machine for _, machine in found.speeds.values())),
        unfinished=len(found.unfinished.difference(*found.losses.values())),
    )


def _rank(row: Row, milestones: Sequence[str]) -> tuple[float, ...]:
    """Longest step milestone first; a row without it, or without a finite loss, comes after those with."""
    steps = [key for key in reversed(milestones) if key.startswith(_STEPS)] or list(reversed(milestones))
    means = [row.losses[key].mean if key in row.losses else math.nan for key in steps]
    return tuple(math.inf if math.isnan(mean) else mean for mean in means)


_STEPS = Milestone("steps", 1).key.removesuffix("1")
