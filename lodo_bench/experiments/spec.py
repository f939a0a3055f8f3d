"""Specifications of experiments: a table or figure of the paper, or one of the user's own, at one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from lodo_bench.spec.options import Value
from lodo_bench.spec.run_set import Source
from lodo_bench.spec.study import Schedules
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

Scale = Literal["paper", "laptop", "smoke"]
SCALES: tuple[Scale, ...] = ("paper", "laptop", "smoke")


class Requirement(IntEnum):
    """Work that must precede an output, in increasing order: each includes those before it."""

    NOTHING = 0
    DATA = 1
    TUNING = 2
    RUNS = 3


@dataclass(frozen=True, slots=True)
class FinalRuns:
    """Final runs of every optimizer.

    Attributes:
        num_seeds: the number of runs at each search's result, >= 1.
        steps: the step milestone, >= 1.
        seconds: the time milestone, > 0, if any.
        timed: True for timed runs, one at a time; False for untimed runs in lockstep.
    """

    num_seeds: int
    steps: int
    seconds: float | None
    timed: bool


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """The independent variable of a part's final runs.

    Attributes:
        over: the task option, optimizer option, hyperparameter or entry of the recipe on the x axis; of a grid, the
            first one.
        points: for each point the values of `over` and of everything else that changes with it, by name.
        decay_grid: in place of points, for a decay with tuned value β*: the number k >= 2 of values
            1 − (1 − β*)^{i/(k−1)}, i = 0, ..., k − 1, from 0 to β* (LODO Fig. 5).
        is_grid: whether the points are all combinations of values, so that several have the same value of `over`.
    """

    over: str
    points: tuple[Mapping[str, Value], ...] = ()
    decay_grid: int | None = None
    is_grid: bool = False


@dataclass(frozen=True, slots=True)
class ExperimentPart:
    """Some optimizers on one task.

    Attributes:
        task, optimizers: as their names say.
        source: where the hyperparameters come from: `tuned`, `paper` or `default`.
        schedules: the tuning schedule of each kind of search.
        seed: the seed of the first search, >= 0.
        searches: the number R >= 1 of independent searches for each optimizer, with the seeds `seed`, `seed` + 1, ....
        runs: the final runs at the result of each search; R times as many for an optimizer that is not tuned.
        sweep: the independent variable of the final runs, if any; it does not apply to tuning.
    """

    task: TaskSpec
    optimizers: tuple[OptimizerSpec, ...]
    source: Source
    schedules: Schedules
    seed: int
    searches: int
    runs: tuple[FinalRuns, ...]
    sweep: SweepSpec | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment at one scale.

    Attributes:
        name: the file's name without its extension.
        title: one line.
        note: remarks for the reader, for instance how this scale differs from the paper.
        scale: `paper`, `laptop` or `smoke`.
        parts: the tasks, each with its optimizers and runs.
        outputs: names of `lodo_bench.experiments.outputs.OUTPUTS`, in the order of the page.
        requires: the most that any of the outputs requires.
    """

    name: str
    title: str
    note: str
    scale: Scale
    parts: tuple[ExperimentPart, ...]
    outputs: tuple[str, ...]
    requires: Requirement
