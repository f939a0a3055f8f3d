"""Meta-training: an optimizer that is a network learns to optimize one kind of problem (LODO §5.1, App. F.1)."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lodo_bench import seeding
from lodo_bench.compute.selection import use_backend
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import MetaTrained
from lodo_bench.spec.training import Individual, MetaTrainedWeights, MetaTrainingSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import train
from lodo_bench.training.stopwatch import Stopwatch

# Andrychowicz et al. (2016), with the settings of the paper's authors.
EPOCHS = 50
RUNS = 20
RUN_STEPS = 100
UNROLL = 20
LEARNING_RATE = 0.03
VALIDATION_RUNS = 20


@dataclass(frozen=True, slots=True)
class Epoch:
    """What came out of an epoch.

    Attributes:
        learned: after it; the same as before it if its loss is not finite.
        loss: mean loss of the validation runs with the weights at its end.
        seconds: time on the training clock.
    """

    weights: MetaTrainedWeights | None
    loss: float
    seconds: float


def is_meta_trained(optimizer: str) -> bool:
    """Whether the optimizer of this name is one that must be meta-trained before it can be used."""
    return issubclass(OPTIMIZERS.load(optimizer), MetaTrained)


def run_epoch(spec: MetaTrainingSpec) -> Epoch:
    """Train the optimizer's weights through `spec.steps / 100` runs of 100 steps each, then look how good they are.

    Each run meets a fresh problem of the task's kind. Every 20 steps the weights w take one step of Adam, at the rate
    0.03, down the gradient of the sum of the 20 losses::

        Σ_t ∂ℓ_t(x_t) / ∂w,    x_{t+1} = x_t + proposal(∇ℓ_t(x_t); w)

    in which the gradients that the optimizer sees are taken as given, so that no second derivatives are needed.

    The validation runs are fresh problems, too, the same number of steps long; the best weights of all epochs so far
    are kept. Neither ever meets the problems of final runs, which have other seeds.
    """
    watch = Stopwatch(spec.compute.device)
    learner = _Learner(spec)
    with watch, use_backend(spec.compute.backend):
        for run in range(spec.steps // RUN_STEPS):
            learner.learn(run)
    loss = learner.validate()
    if not math.isfinite(loss):
        return Epoch(spec.before, math.nan, watch.seconds)
    return Epoch(learner.result(loss), loss, watch.seconds)


class _Learner:
    def __init__(self, spec: MetaTrainingSpec) -> None:
        self._spec = spec
        self._state = _unpacked(spec.before.state_dict) if spec.before else {}
        start = self._state["weights"] if self._state else self._fresh_weights()
        self._weights = torch.as_tensor(
            start, device=spec.compute.device, dtype=getattr(torch, spec.compute.dtype)
        ).requires_grad_()
        self._adam = torch.optim.Adam([self._weights], lr=LEARNING_RATE)
        if self._state:
            moments = {name: torch.as_tensor(self._state[name]) for name in ("step", "exp_avg", "exp_avg_sq")}
            self._adam.load_state_dict({**self._adam.state_dict(), "state": {0: moments}})

    def learn(self, run: int) -> None:
        """Train through one run."""
        spec = self._runs(0, (run,))
        task = TASKS.load(spec.task.name)(seeding.task_generators(spec), self._weights.dtype, spec.task.options)
        x = task.initial_point()
        optimizer = self._build(spec, x)
        for _ in range(RUN_STEPS // UNROLL):
            optimizer.set_weights(self._weights)
            # Σ_t g_t · x_t with the g_t taken as constants has the gradient of Σ_t ℓ_t(x_t).
            total = x.new_zeros(())
            for _ in range(UNROLL):
                task.next_batch()
                gradient = task.loss_and_gradient(x.detach())[1].clone()
                total = total + (gradient * x).sum()
                x = x + optimizer.compute_update(gradient)
            self._adam.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]
            self._adam.step()
            x = x.detach()
            optimizer.detach_state()

    def validate(self) -> float:
        """Mean loss of the validation runs."""
        spec = self._runs(1, range(VALIDATION_RUNS), weights=_packed_weights(self._weights))
        losses = [outcome.curve.losses for outcome in train(spec)]
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.mean(np.concatenate(losses)))

    def result(self, loss: float) -> MetaTrainedWeights:
        """All that there is to keep."""
        moments = self._adam.state[self._weights]
        weights = _packed_weights(self._weights)
        before = self._spec.before
        if before is not None and float(self._state["best_loss"]) <= loss:
            weights, loss = before.weights, float(self._state["best_loss"])
        arrays = {name: moments[name].cpu().numpy() for name in ("step", "exp_avg", "exp_avg_sq")}
        state = io.BytesIO()
        np.savez(state, weights=self._weights.detach().cpu().numpy(), best_loss=loss, **arrays)
        return MetaTrainedWeights(weights, state.getvalue())

    def _fresh_weights(self) -> Tensor:
        spec = self._runs(0, (0,))
        return self._build(spec, torch.zeros(1, 1, device=spec.compute.device, dtype=torch.float64)).weights

    def _build(self, spec: TrainingSpec, x: Tensor) -> MetaTrained:
        kind = OPTIMIZERS.load(spec.optimizer.name)
        assert issubclass(kind, MetaTrained)
        return kind(x, {}, seeding.optimizer_generators(spec), spec.optimizer.options)

    def _runs(self, part: int, numbers: range | tuple[int, ...], weights: bytes = b"") -> TrainingSpec:
        """Runs of this epoch, those of part 0 to learn from and those of part 1 to validate with."""
        spec = self._spec
        keys = [(*spec.individuals[0].key, part, number) for number in numbers]
        individuals = tuple(Individual(key, {}) for key in keys)
        return TrainingSpec(
            spec.task,
            spec.optimizer,
            "tuning",
            individuals,
            RUN_STEPS,
            compute=spec.compute,
            weights=weights,
        )


def _packed_weights(weights: Tensor) -> bytes:
    return weights.detach().cpu().to(torch.float64).numpy().astype("<f8").tobytes()


def _unpacked(state: bytes) -> Mapping[str, Any]:
    with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
        return dict(arrays)
