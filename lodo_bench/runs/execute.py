"""Final runs: timed one at a time, or untimed in lockstep, and scored at their milestones (LODO §5, App. H)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from lodo_bench.compute.threads import single_thread
from lodo_bench.spec.milestone import Milestone, milestones
from lodo_bench.spec.outcome import Curve, Outcome, Status
from lodo_bench.spec.run_set import RunRecord, RunSetRecord, RunSetSpec
from lodo_bench.spec.training import Individual, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.checkpoint import Checkpoint, checkpoint_path
from lodo_bench.training.loop import trace, train_validated
from lodo_bench.training.score import milestone_loss
from lodo_bench.training.session import Progress


class RunWriter(Protocol):
    """Where runs are written down; `lodo_bench.results.store.Store` is one."""

    def add_run(self, run_set: int, run: RunRecord, curve: Curve) -> None:
        """Keep a run, in place of an interrupted one with the same seed."""
        ...

    def weights(self, study: int) -> bytes:
        """The weights that a meta-training has learned."""
        ...


class RunCallback(Protocol):
    """Who wants to see how the runs go. All calls come while the training clock is paused."""

    def start(self, run: str) -> None:
        """Some runs begin; `run` says which."""
        ...

    def progress(self, progress: Progress) -> None:
        """They have got on."""
        ...

    def notice(self, message: str) -> None:
        """Something that a person should know has happened."""
        ...

    def ended(self, run: RunRecord) -> None:
        """One of them is over and stored."""
        ...


@dataclass(frozen=True, slots=True)
class CheckpointPlan:
    """Where runs that are under way are kept, and every how many seconds."""

    folder: Path
    every: float


def execute_run_set(
    run_set: RunSetRecord, ledger: RunWriter, listener: RunCallback, plan: CheckpointPlan | None = None
) -> None:
    """Run every seed of the set that has no run yet. Each run is stored as soon as it has ended.

    Runs that were stopped go on from their checkpoints, where there is a plan for these. An exception in a run, such as
    an exhausted memory, is its outcome: it is `failed`, with the reason.

    Raises:
        KeyboardInterrupt: if the user stopped it, with the runs under way stored as `interrupted`.
    """
    learned = _learned(run_set.spec, ledger)
    for seeds in _batches(run_set):
        listener.start(_title(seeds, run_set.spec))
        checkpoint = None if plan is None else _checkpoint(plan, run_set, seeds[0], listener)
        ended = _train(run_set.spec, seeds, learned, listener, checkpoint)
        for run, curve in ended:
            if run.seed in run_set.missing_seeds:
                ledger.add_run(run_set.id, run, curve)
                listener.ended(run)
        if any(run.status is Status.INTERRUPTED for run, _ in ended):
            raise KeyboardInterrupt
        if checkpoint is not None:
            checkpoint.remove()


def trajectory(spec: RunSetSpec, seed: int, ledger: RunWriter) -> NDArray[np.float64]:
    """The points that a final run has gone through, (steps + 1, n); computed anew, as no run keeps them.

    On a CPU of the same kind they are those of the stored run.
    """
    return trace(_training_spec(spec, [seed], _learned(spec, ledger)))[:, 0]


def _learned(spec: RunSetSpec, ledger: RunWriter) -> bytes:
    study = spec.hyperparameters.weights_study_id
    return b"" if study is None else ledger.weights(study)


def _batches(run_set: RunSetRecord) -> Iterator[Sequence[int]]:
    """Seeds that are trained together and of which at least one is missing.

    They are the same however many are missing, as their checkpoint is that of them all.
    """
    spec, size = run_set.spec, _lockstep(run_set.spec)
    for first in range(0, spec.num_seeds, size):
        seeds = range(first, min(first + size, spec.num_seeds))
        if any(seed in run_set.missing_seeds for seed in seeds):
            yield seeds


def _checkpoint(plan: CheckpointPlan, run_set: RunSetRecord, seed: int, listener: RunCallback) -> Checkpoint:
    path = checkpoint_path(plan.folder, run_set.id, seed)
    # Of a database that was made anew the numbers come again, and the data may be another by now.
    owner = f"{run_set.created} {TASKS.load(run_set.spec.task.name).dataset_name()}"
    return Checkpoint(path, owner, plan.every, listener.notice)


def threads_of(task: str) -> int:
    """How many threads final runs on `task` compute with: one on small problems, all that PyTorch has on networks."""
    return torch.get_num_threads() if TASKS.load(task).is_network else 1


def _lockstep(spec: RunSetSpec) -> int:
    """How many runs are trained together at most."""
    return 1 if spec.timed else TASKS.load(spec.task.name).max_population or spec.num_seeds


def _title(seeds: Sequence[int], spec: RunSetSpec) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]} of 0..{spec.num_seeds - 1}"
    return f"seeds {', '.join(map(str, seeds))} in lockstep"


def _train(
    spec: RunSetSpec, seeds: Sequence[int], learned: bytes, listener: RunCallback, checkpoint: Checkpoint | None
) -> list[tuple[RunRecord, Curve]]:
    training = _training_spec(spec, seeds, learned)
    with single_thread() if threads_of(spec.task.name) == 1 else nullcontext():
        outcomes = train_validated(training, listener.progress, checkpoint)
    return [(_record(spec, seed, outcome), outcome.curve) for seed, outcome in zip(seeds, outcomes, strict=True)]


def _training_spec(spec: RunSetSpec, seeds: Sequence[int], learned: bytes) -> TrainingSpec:
    return TrainingSpec(
        task=spec.task,
        optimizer=spec.optimizer,
        purpose="final",
        individuals=tuple(Individual((seed,), spec.hyperparameters.values) for seed in seeds),
        steps=spec.steps,
        seconds=spec.seconds,
        compute=spec.compute,
        weights=learned,
    )


def _record(spec: RunSetSpec, seed: int, outcome: Outcome) -> RunRecord:
    losses = {milestone: _loss(outcome, milestone) for milestone in milestones(spec.steps, spec.seconds)}
    return RunRecord(
        seed=seed,
        status=outcome.status,
        reason=outcome.reason,
        steps=outcome.steps,
        evaluations=outcome.evaluations,
        training_seconds=outcome.curve.seconds if spec.timed else None,
        milestones={milestone: loss for milestone, loss in losses.items() if loss is not None},
        scores={milestone: s for milestone, s in outcome.scores.items() if s and losses[milestone] is not None},
    )


def _loss(outcome: Outcome, milestone: Milestone) -> float | None:
    """The score; NaN for a run that diverged before the milestone, None for one that did not get there otherwise."""
    loss = milestone_loss(outcome.curve, milestone)
    return math.nan if loss is None and outcome.status is Status.DIVERGED else loss
