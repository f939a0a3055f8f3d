"""Final runs: timed one at a time, or untimed in lockstep, and scored at their milestones (LODO §5, App. H)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from lodo_bench.compute.interrupts import defer_interrupts
from lodo_bench.compute.threads import single_thread
from lodo_bench.spec.outcome import Curve, Outcome, Status
from lodo_bench.spec.run_set import RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.training import Individual, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.checkpoint import Checkpoint, checkpoint_path, remove_checkpoint
from lodo_bench.training.footprint import lockstep_size
from lodo_bench.training.loop import trace, train_validated
from lodo_bench.training.session import Progress


class WeightsSource(Protocol):
    """A source of meta-trained weights, such as `lodo_bench.results.reader.Results`."""

    def weights(self, study: int) -> bytes:
        """Return the weights that a study has meta-trained."""
        ...


class RunWriter(WeightsSource, Protocol):
    """Storage of runs, such as `lodo_bench.results.store.Store`."""

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        """Store a run, in place of an interrupted one with the same seed."""
        ...


class RunCallback(Protocol):
    """Callbacks for run progress, called while the training clock is paused."""

    def start(self, run: str, count: int, left: int) -> None:
        """Handle the start of runs.

        Args:
            run: names their seeds.
            count: their number.
            left: the number of runs of the run set that are missing, with these.
        """
        ...

    def progress(self, progress: Progress) -> None:
        """Handle progress."""
        ...

    def notice(self, message: str) -> None:
        """Handle a notice for the user."""
        ...

    def ended(self, run: RunRecord) -> None:
        """Handle a finished run, which is already stored."""
        ...


@dataclass(frozen=True, slots=True)
class CheckpointPlan:
    """The directory of the checkpoints of runs in progress, and the seconds between two writes."""

    folder: Path
    every: float


def execute_run_set(
    run_set: RunSetRecord, writer: RunWriter, callback: RunCallback, plan: CheckpointPlan | None = None
) -> None:
    """Run every missing seed of a validated run set. Each run is stored as soon as it ends.

    With a `plan`, interrupted runs resume from their checkpoints. An exception in a run, such as exhausted memory, is
    an outcome: the run is `failed`, with the reason.

    Raises:
        KeyboardInterrupt: if the user stopped it, with the runs in progress stored as `interrupted`.
    """
    spec, weights = run_set.spec, weights_of(run_set.spec, writer)
    remove_finished_checkpoints(run_set, plan)
    left = len(run_set.missing_seeds)
    for seeds in _batches(run_set):
        count = len(set(seeds) & set(run_set.missing_seeds))
        callback.start(_title(seeds, spec), count, left)
        left -= count
        checkpoint = None if plan is None else _checkpoint(plan, run_set, seeds[0], callback)
        with single_thread() if threads_of(spec.task.name) == 1 else nullcontext():
            outcomes = train_validated(_training_spec(spec, seeds, weights), callback.progress, checkpoint)
        for seed, outcome in zip(seeds, outcomes, strict=True):
            if seed in run_set.missing_seeds:
                run = _record(spec, seed, outcome)
                with defer_interrupts():  # so that its message counts every stored run
                    writer.add_run(run_set.id, run, outcome.curve)
                    callback.ended(run)
        if any(outcome.status is Status.INTERRUPTED for outcome in outcomes):
            raise KeyboardInterrupt
        if checkpoint is not None:
            checkpoint.remove()


def remove_finished_checkpoints(run_set: RunSetRecord, plan: CheckpointPlan | None) -> None:
    """Remove the checkpoints of stored runs, which a process leaves that is killed right after it has stored them."""
    if plan is None:
        return
    missing = {seeds[0] for seeds in _batches(run_set)}
    for seed in run_set.spec.seeds:
        if seed not in missing and (path := checkpoint_path(plan.folder, run_set.id, seed)).exists():
            remove_checkpoint(path)


def trajectory(spec: RunSetSpec, seed: int, source: WeightsSource) -> NDArray[np.float64]:
    """Return the points of a final run, (steps + 1, n). They are recomputed, because runs do not store them.

    On a CPU of the same kind they are those of the stored run.
    """
    return trace(_training_spec(spec, [seed], weights_of(spec, source)))[:, 0]


def threads_of(task: str) -> int:
    """Return the number of threads of final runs on `task`: one for small problems, all of PyTorch's for networks."""
    return torch.get_num_threads() if TASKS.load(task).is_network else 1


def weights_of(spec: RunSetSpec, source: WeightsSource) -> bytes:
    """Return the weights of a meta-trained optimizer; empty for others."""
    study = spec.hyperparameters.weights_study_id
    return b"" if study is None else source.weights(study)


def _batches(run_set: RunSetRecord) -> Iterator[Sequence[int]]:
    """Yield the seeds that are trained together and of which at least one is missing.

    The batches do not depend on which seeds are missing, because each batch shares a checkpoint.
    """
    spec = run_set.spec
    size = 1 if spec.timed else lockstep_size(spec.task, spec.optimizer, spec.compute, spec.steps, spec.num_seeds)
    for first in range(0, spec.num_seeds, size):
        seeds = spec.seeds[first : first + size]
        if any(seed in run_set.missing_seeds for seed in seeds):
            yield seeds


def _checkpoint(plan: CheckpointPlan, run_set: RunSetRecord, seed: int, callback: RunCallback) -> Checkpoint:
    path = checkpoint_path(plan.folder, run_set.id, seed)
    # A database that was deleted and created again reuses the numbers, and the data set may have changed.
    owner = f"{run_set.created} {TASKS.load(run_set.spec.task.name).dataset_name()}"
    return Checkpoint(path, owner, plan.every, callback.notice)


def _title(seeds: Sequence[int], spec: RunSetSpec) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]} ({spec.seeds.index(seeds[0]) + 1} of {spec.num_seeds})"
    return f"seeds {seeds[0]} to {seeds[-1]} in lockstep"


def _training_spec(spec: RunSetSpec, seeds: Sequence[int], weights: bytes) -> TrainingSpec:
    return TrainingSpec(
        task=spec.task,
        optimizer=spec.optimizer,
        purpose="final",
        individuals=tuple(Individual((seed,), spec.hyperparameters.values) for seed in seeds),
        steps=spec.steps,
        seconds=spec.seconds,
        compute=spec.compute,
        weights=weights,
    )


def _record(spec: RunSetSpec, seed: int, outcome: Outcome) -> RunRecord:
    return RunRecord(
        seed=seed,
        status=outcome.status,
        reason=outcome.reason,
        steps=outcome.steps,
        evaluations=outcome.evaluations,
        training_seconds=outcome.curve.seconds if spec.timed else None,
        milestones=outcome.milestones,
        scores={milestone: s for milestone, s in outcome.scores.items() if s and milestone in outcome.milestones},
    )
