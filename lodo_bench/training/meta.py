"""Meta-training: an optimizer that is a network learns to optimize one kind of problem (LODO §5.1, App. F.1)."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from functools import partial
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench.errors import UsageError
from lodo_bench.optimizers.base import MetaTrained
from lodo_bench.optimizers.build import build_optimizer
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import TrialResult
from lodo_bench.spec.training import Individual, MetaTrainingState, TrainingSpec
from lodo_bench.tasks.build import build_task
from lodo_bench.training.failure import Failure, capture_failure
from lodo_bench.training.session import TrainingSession
from lodo_bench.training.stopwatch import Stopwatch
from lodo_bench.training.trainer import Trainer
from lodo_bench.training.validation import validate

# Andrychowicz et al. (2016), with the settings of the paper's authors.
EPOCHS = 50
RUNS = 20
RUN_STEPS = 100
UNROLL = 20
LEARNING_RATE = 0.03
VALIDATION_RUNS = 20
_ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")


def run_epoch(spec: TrainingSpec, before: MetaTrainingState | None) -> TrialResult:
    """Train the optimizer's weights in `spec.steps / 100` runs of 100 steps each, then validate them.

    Each run has a fresh problem of the task's kind. Every 20 steps, the weights w take one step of Adam, with the
    learning rate 0.03, down the gradient of the sum of the 20 losses::

        Σ_t ∂ℓ_t(x_t) / ∂w,    x_{t+1} = x_t + update(∇ℓ_t(x_t); w)

    The gradients that the optimizer receives are treated as constants, so that no second derivatives are needed.

    The validation runs have fresh problems, too, and the same number of steps; the best weights of all epochs so far
    are kept. Neither shares a problem with final runs, whose seeds are derived for another purpose.

    Args:
        spec: one individual without hyperparameters; the epoch's problems are derived from its key,
            `(study seed, epoch, 0)`.
        before: the state after the previous epoch; None for the first.

    Returns:
        The mean loss of the validation runs as the fitness, with the state after the epoch: the state before it if
        that loss is not finite, None if an exception ended the epoch.

    Raises:
        KeyboardInterrupt: if the user stopped it.
        UsageError: if `spec` cannot be trained here.
    """
    epoch = capture_failure(partial(_run_epoch, spec, before), spec.compute.device)
    return TrialResult(math.nan, Status.FAILED, epoch.reason) if isinstance(epoch, Failure) else epoch


def _run_epoch(spec: TrainingSpec, before: MetaTrainingState | None) -> TrialResult:
    watch = Stopwatch(spec.compute.device)
    learner = _Learner(spec, before)
    with watch:
        for run in range(spec.steps // RUN_STEPS):
            learner.learn(run)
    loss = learner.validate()
    if not math.isfinite(loss):
        reason = "the validation loss is not finite"
        return TrialResult(math.nan, Status.DIVERGED, reason, spec.steps, watch.seconds, before)
    return TrialResult(loss, Status.COMPLETED, "", spec.steps, watch.seconds, learner.result(loss))


class _Learner:
    """The weights in training, with their Adam."""

    def __init__(self, spec: TrainingSpec, before: MetaTrainingState | None) -> None:
        self._spec, self._before = spec, before
        self._state = _unpack(before.state_dict) if before else {}
        start = self._state["weights"] if self._state else self._initial_weights()
        self._weights = torch.as_tensor(
            start, device=spec.compute.device, dtype=getattr(torch, spec.compute.dtype)
        ).requires_grad_()
        self._adam = torch.optim.Adam([self._weights], lr=LEARNING_RATE)
        if self._state:
            moments = {name: torch.as_tensor(self._state[name]) for name in _ADAM_STATE}
            self._adam.load_state_dict({**self._adam.state_dict(), "state": {0: moments}})

    def learn(self, run: int) -> None:
        """Train the weights through one run, unrolled 20 steps at a time."""
        spec = self._training_spec(0, (run,))
        task = build_task(spec)
        optimizer = _build(spec, task.initial_point())
        gradients = Trainer(task, optimizer, RUN_STEPS).gradients()
        for _ in range(RUN_STEPS // UNROLL):
            optimizer.set_weights(self._weights)
            # Σ_t g_t · x_t, with the g_t treated as constants, has the gradient of Σ_t ℓ_t(x_t).
            x, total = optimizer.x.clone(), optimizer.x.new_zeros(())
            for _, gradient in islice(gradients, UNROLL):
                constant = gradient.clone()
                total = total + (constant * x).sum()
                x = x + optimizer.compute_update(constant)
                optimizer.x.copy_(x.detach())
            self._adam.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]
            self._adam.step()
            optimizer.detach_state()

    def validate(self) -> float:
        """Return the mean loss of the validation runs."""
        spec = self._training_spec(1, range(VALIDATION_RUNS), weights=_pack_weights(self._weights))
        validate(spec.task, spec.optimizer, spec.compute, len(spec.individuals))
        session = TrainingSession(spec)
        session.run()
        losses = [outcome.curve.losses for outcome in session.recorder.outcomes(interrupted=False)]
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.mean(np.concatenate(losses)))

    def result(self, loss: float) -> MetaTrainingState:
        """Return the best weights so far, and the state from which the next epoch continues."""
        moments = self._adam.state[self._weights]
        weights = _pack_weights(self._weights)
        if self._before is not None and float(self._state["best_loss"]) <= loss:
            weights, loss = self._before.weights, float(self._state["best_loss"])
        arrays = {name: moments[name].cpu().numpy() for name in _ADAM_STATE}
        state = io.BytesIO()
        np.savez(state, weights=self._weights.detach().cpu().numpy(), best_loss=loss, **arrays)
        return MetaTrainingState(weights, state.getvalue())

    def _initial_weights(self) -> Tensor:
        spec = self._training_spec(0, (0,))
        return _build(spec, torch.zeros(1, 1, device=spec.compute.device, dtype=torch.float64)).weights

    def _training_spec(self, part: int, numbers: range | tuple[int, ...], weights: bytes = b"") -> TrainingSpec:
        """Return runs of this epoch, those of part 0 to learn from or those of part 1 to validate with."""
        spec = self._spec
        keys = [(*spec.individuals[0].key, part, number) for number in numbers]
        return TrainingSpec(
            spec.task,
            spec.optimizer,
            "tuning",
            tuple(Individual(key, {}) for key in keys),
            RUN_STEPS,
            compute=spec.compute,
            weights=weights,
        )


def _build(spec: TrainingSpec, x: Tensor) -> MetaTrained:
    optimizer = build_optimizer(spec, x)
    if not isinstance(optimizer, MetaTrained):
        raise UsageError(f"{spec.optimizer.name} is not a meta-trained optimizer.")
    return optimizer


def _pack_weights(weights: Tensor) -> bytes:
    return weights.detach().cpu().to(torch.float64).numpy().astype("<f8").tobytes()


def _unpack(state: bytes) -> Mapping[str, NDArray[np.float64]]:
    with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
        return dict(arrays)
