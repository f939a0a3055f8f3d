"""Requests: the arguments of the library's functions and of the commands, as frozen values.

This module imports nothing heavy, so that the command line answers quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lodo_bench.spec.numbers import (
    COUNT,
    NONNEGATIVE,
    PERIOD,
    RECORD,
    SECONDS,
    SEED,
    STEPS,
    WORKERS,
    check,
    check_fields,
)
from lodo_bench.spec.options import Value

DEFAULT_DATABASE = "results/lodo-bench.db"

Options = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class WorkersRequest:
    """Workers and device of searches.

    Args:
        workers: parallel workers; 0 trains in this process, None uses one worker per CPU.
        gpus_per_worker: share of a GPU for each worker; None is 1 on a GPU and 0 on the CPU.
        address: of a running Ray cluster; None uses this machine.
        engine: `processes` of this machine, `ray`, or `auto`: Ray if GPUs or a cluster are asked for.
        device: `cpu` or `cuda`; None is `cuda` if workers have a share of a GPU, else `cpu`.

    Raises:
        UsageError: for a number out of range.
    """

    workers: int | None = None
    gpus_per_worker: float | None = None
    address: str | None = None
    engine: str = "auto"
    device: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, workers=WORKERS, gpus_per_worker=NONNEGATIVE)


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """Arguments of `lodo_bench.tune`.

    Args:
        task: a task's name.
        optimizers: names of optimizers; empty for all of the paper's optimizers for the task.
        schedule: `paper` (Table 5), `quick`, `smoke`, or the path of a YAML file.
        seed: of the first search; the same seed gives the same values, bit for bit.
        seeds: number of independent searches for each optimizer, with the seeds `seed`, `seed` + 1, ...
        fresh: start over instead of resuming an unfinished study or reusing a finished one.
        task_options: options of the task by name.
        optimizer_options: structural options by name; only with a single optimizer.
        space: search space of an adapted optimizer, the path of a YAML file or the name of a shipped one; only with a
            single optimizer.
        recipe: the training recipe around the update of each optimizer, by name; `tune` as a value makes it a
            hyperparameter.
        workers: where to train.
        dtype: `float32` or `float64`; None is the task's own choice.
        backend: `auto`, `torch`, `numba` or `triton`.
        db: results database, a file or an SQLAlchemy URL.
        command: the command to record with the results; the running script if empty.

    Raises:
        UsageError: for a number out of range.
    """

    task: str
    optimizers: tuple[str, ...] = ()
    schedule: str = "paper"
    seed: int = 0
    seeds: int = 1
    fresh: bool = False
    task_options: Options = field(default_factory=dict)
    optimizer_options: Options = field(default_factory=dict)
    space: str | None = None
    recipe: Options = field(default_factory=dict)
    workers: WorkersRequest = WorkersRequest()
    dtype: str | None = None
    backend: str = "auto"
    db: str = DEFAULT_DATABASE
    command: str = ""

    def __post_init__(self) -> None:
        check_fields(self, seed=SEED, seeds=COUNT)
        check(self.seed + self.seeds - 1, SEED, "the last seed")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Arguments of `lodo_bench.run`, for one or several optimizers.

    Args:
        optimizers: names of optimizers; at least one, unless there are studies.
        task: a task's name; None is that of the studies, or `quadratic`.
        seeds: number of runs at each choice of hyperparameters: at the result of the r-th of several searches,
            r = 0, 1, ..., with the seeds r·seeds and following. One run where no seed changes anything.
        steps: step milestone; None is the paper's for the task.
        seconds: time milestone: train for at least this many seconds, too.
        hyperparameters: values that replace those of the source, by name.
        source: `tuned`, `paper` or `default`; None is the first of them that is available.
        studies: numbers of the searches to take the results of; empty for a choice among all of them.
        timed: one run at a time, timed; otherwise all seeds as one batch: faster, same losses, no timing.
        fair_clock: time all optimizers alike, without compiled loops: use backend `torch`.
        task_options: options of the task by name.
        optimizer_options: structural options by name; only with a single optimizer.
        space: search space of an adapted optimizer, the path of a YAML file or the name of a shipped one; only with a
            single optimizer.
        recipe: the training recipe around the update of each optimizer, by name; `tune` as a value makes it a
            hyperparameter.
        device: `cpu` or `cuda`.
        dtype: `float32` or `float64`; None is the task's own choice.
        backend: `auto`, `torch`, `numba` or `triton`.
        fresh: start over instead of resuming unfinished runs or reusing finished ones.
        checkpoint_every: seconds between checkpoints, which take at most 5 % of the time.
        db: results database, a file or an SQLAlchemy URL.
        command: the command to record with the results; the running script if empty.

    Raises:
        UsageError: for a number out of range.
    """

    optimizers: tuple[str, ...] = ()
    task: str | None = None
    seeds: int = 8
    steps: int | None = None
    seconds: float | None = None
    hyperparameters: Options = field(default_factory=dict)
    source: str | None = None
    studies: tuple[int, ...] = ()
    timed: bool = True
    fair_clock: bool = False
    task_options: Options = field(default_factory=dict)
    optimizer_options: Options = field(default_factory=dict)
    space: str | None = None
    recipe: Options = field(default_factory=dict)
    device: str = "cpu"
    dtype: str | None = None
    backend: str = "auto"
    fresh: bool = False
    checkpoint_every: float = 120.0
    db: str = DEFAULT_DATABASE
    command: str = ""

    def __post_init__(self) -> None:
        check_fields(self, seeds=COUNT, steps=STEPS, seconds=SECONDS, studies=RECORD, checkpoint_every=PERIOD)


@dataclass(frozen=True, slots=True)
class ReproduceRequest:
    """An experiment to reproduce.

    Args:
        experiment: a table or figure of the paper, e.g. `table8`, or the path of a YAML file.
        scale: `paper`, `laptop` or `smoke`; None is `laptop` where the experiment has such a scale, else `paper`.
        workers: where to compute.
        output: directory of tables and figures; None is `results/NAME-SCALE`.
        db: results database, a file or an SQLAlchemy URL.
        command: the command to record with the results; the running script if empty.
    """

    experiment: str
    scale: str | None = None
    workers: WorkersRequest = WorkersRequest()
    output: str | None = None
    db: str = DEFAULT_DATABASE
    command: str = ""
