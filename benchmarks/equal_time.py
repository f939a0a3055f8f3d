"""Losses of the drop-in LODO in the training time of AdamW and of SGD, from the runs of `reproduce lodo-defaults`.

    python benchmarks/equal_time.py results/networks.db

A step of each optimizer is timed in turn on each task, several times; printed are the ratios of the medians. If a step
of LODO takes r times as long as one of AdamW, then LODO's loss in AdamW's time is that after 1/r of AdamW's steps, the
mean over the last tenth of them, at the best point of the grid for that number of steps, or at the defaults.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean, median

import torch

import lodo_bench
from lodo_bench.api.reading import open_store
from lodo_bench.results.store import Store
from lodo_bench.spec.run_set import RunSetRecord
from lodo_bench.spec.training import TaskSpec

OTHERS = ("torch.optim.AdamW", "torch.optim.SGD")
OPTIMIZERS = ("lodo_bench.LODO", *OTHERS)
DEFAULTS = {"lr": 1.0, "meta_lr": 1e-3, "beta": 0.9}
STEPS, REPEATS = 300, 3


def seconds_per_step(task: TaskSpec, folder: Path) -> dict[str, float]:
    """Return the medians over runs with the optimizers in turn."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(REPEATS):
        for optimizer in OPTIMIZERS:
            (record,) = lodo_bench.run(
                optimizer, task.name, source="default", task_options=dict(task.options), steps=STEPS, seeds=1,
                fresh=True, db=str(folder / "times.db"),
            )  # fmt: skip
            (run,) = record.runs
            assert run.training_seconds is not None
            found[optimizer].append(run.training_seconds / run.steps)
    return {optimizer: median(seconds) for optimizer, seconds in found.items()}


def loss(store: Store, record: RunSetRecord, ratio: float) -> float:
    """Return the mean loss of runs that end after 1 / `ratio` of their steps."""
    losses = []
    for run in record.runs:
        curve = store.curve(record.id, run.seed)
        assert curve is not None
        steps = int(len(curve.losses) / ratio)
        losses.append(float(curve.losses[steps - max(steps // 10, 1) : steps].mean()))
    return mean(losses)


def main() -> None:
    torch.set_num_threads(1)
    store = open_store(sys.argv[1])
    grids: dict[str, list[RunSetRecord]] = defaultdict(list)
    for record in store.run_sets():
        optimizer = record.spec.optimizer
        if optimizer.name == "lodo_bench.LODO" and optimizer.options.get("preset", "light") == "light":
            grids[record.spec.task.label].append(record)
    print(
        "task, other optimizer: time of LODO's step / the other's; LODO's loss in its time at the defaults, and at best"
    )
    for label, records in grids.items():
        with tempfile.TemporaryDirectory() as folder:
            seconds = seconds_per_step(records[0].spec.task, Path(folder))
        for other in OTHERS:
            ratio = seconds["lodo_bench.LODO"] / seconds[other]
            losses = {record.id: loss(store, record, max(ratio, 1.0)) for record in records}
            plain = next(r.id for r in records if dict(r.spec.hyperparameters.values) == DEFAULTS)
            print(f"{label}, {other}: {ratio:.2f}; {losses[plain]:.3g}, {min(losses.values()):.3g}")


if __name__ == "__main__":
    main()
