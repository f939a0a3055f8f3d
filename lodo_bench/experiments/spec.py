"""What an experiment is: a table or figure of the paper, or one of the user's own, at one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lodo_bench.spec.options import Value
from lodo_bench.spec.study import Schedules
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

Scale = Literal["paper", "laptop", "smoke"]
SCALES: tuple[Scale, ...] = ("paper", "laptop", "smoke")
Source = Literal["tuned", "paper", "default"]
SOURCES: tuple[Source, ...] = ("tuned", "paper", "default")


@dataclass(frozen=True, slots=True)
class Runs:
    """Final runs of every optimizer.

    Attributes:
        num_seeds: the number of runs of each optimizer.
        steps: the step milestone.
        seconds: the time milestone, if any.
        timed: by the clock, one at a time; otherwise in lockstep.
    """

    num_seeds: int
    steps: int
    seconds: float | None
    timed: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the runs differ in.

    Attributes:
        over: the option of the task or the optimizer, or the hyperparameter, that is the x axis.
        settings: at each place the values of `over`, and of what else changes with it, by name.
        decay_grid: in place of settings, for a decay with the tuned value β*: so many values 1 − (1 − β*)^{i/(k−1)},
            i = 0, ..., k − 1, from 0 to β* (LODO Fig. 5).
    """

    over: str
    settings: tuple[Mapping[str, Value], ...] = ()
    decay_grid: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Some optimizers on one task.

    Attributes:
        task, optimizers: which.
        source: where the hyperparameters are from.
        schedules: the schedule of each kind of search.
        seed: of the search.
        runs: the final runs.
        sweep: what they differ in, if anything; tuning is without it.
    """

    task: TaskSpec
    optimizers: tuple[OptimizerSpec, ...]
    source: Source
    schedules: Schedules
    seed: int
    runs: tuple[Runs, ...]
    sweep: Sweep | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment at one scale.

    Attributes:
        name: of the file, without its ending.
        title: one line for people.
        note: what a reader must know, for instance how this scale differs from the paper.
        scale: how much of it is computed.
        parts: what is computed.
        output: how the result is shown, names of `lodo_bench.experiments.outputs.OUTPUTS`.
    """

    name: str
    title: str
    note: str
    scale: Scale
    parts: tuple[Part, ...]
    output: tuple[str, ...]
