"""One population of individuals under training: a task and the optimizer that works on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench.backends.compiled_loop import CompiledLoop, compiled_loop
from lodo_bench.compute.selection import use_backend
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.optimizers.build import build_optimizer
from lodo_bench.spec.training import TrainingSpec
from lodo_bench.state import Checkpointable
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.build import build_task
from lodo_bench.training.metrics import Metric, metrics_of
from lodo_bench.user_code import foreign


class Trainer(Checkpointable):
    """A task and an optimizer, advanced step by step; also the `Oracle` that the optimizer may query.

    Args:
        task: P problems of dimension n.
        optimizer: its `x` is trained.
        planned_steps: the number of steps that `progress` refers to (>= 1).
        loop: takes the steps of `run_steps` in compiled code; None if there is none for this task and optimizer.

    Attributes:
        x: (P, n), the parameters.
        loss: (P,), the losses of the current batch at the point of the latest gradient.
    """

    state_names = ("_task", "x", "_optimizer", "_num_steps", "_num_evaluations")

    def __init__(self, task: Task, optimizer: Optimizer, planned_steps: int, loop: CompiledLoop | None = None) -> None:
        self._task, self._optimizer, self._planned_steps, self._loop = task, optimizer, planned_steps, loop
        self.x = optimizer.x
        self._num_steps = 0
        self._num_evaluations = 0
        self.loss = self.x.new_full((len(self.x),), math.nan)

    @classmethod
    def from_spec(cls, spec: TrainingSpec) -> Trainer:
        """Build the task and the optimizer of `spec`, at the task's initial point."""
        with foreign():
            task = build_task(spec)
        optimizer = build_optimizer(spec, task.initial_point(), task.tensors)
        with use_backend(spec.compute.backend):
            return cls(task, optimizer, spec.steps, compiled_loop(task, optimizer))

    def gradients(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the losses (P,) and gradients (P, n) at `x` on one fresh batch after another, without end.

        The caller moves `x` in between.
        """
        while True:
            self._task.next_batch()
            self._num_evaluations += 1
            yield self._task.loss_and_gradient(self.x)

    def steps(self) -> Iterator[Tensor]:
        """Take one step of the optimizer after another, without end; yield the losses (P,) before each."""
        for loss, gradient in self.gradients():
            self.loss = loss
            self._optimizer.step(gradient, self)
            self._num_steps += 1
            yield loss

    def run_steps(self, count: int) -> tuple[Tensor, NDArray[np.int64]]:
        """Take `count` steps, in compiled code if there is a loop for task and optimizer.

        Returns:
            The losses, (count, P), and the total number of gradient evaluations after each step, (count,).
        """
        if self._loop is not None:
            counts = self._num_evaluations + np.arange(1, count + 1)
            self._num_steps += count
            self._num_evaluations += count
            return self._loop.run(count), counts
        losses, evaluations = [], []
        with foreign():
            for loss in islice(self.steps(), count):
                losses.append(loss)
                evaluations.append(self._num_evaluations)
        return torch.stack(losses), np.array(evaluations)

    @property
    def failures(self) -> Mapping[int, str]:
        """By its number, what the step of an individual raised while others continued."""
        return self._optimizer.failures

    def point(self) -> NDArray[np.float64]:
        """Return a copy of the parameters, (P, n)."""
        return self.x.to("cpu", torch.float64).numpy().copy()

    def metrics(self) -> Sequence[Metric]:
        """Return the metrics that can be measured for this task and optimizer."""
        return metrics_of(self._task, self._optimizer)

    def watch_evaluations(self, callback: Callable[[int, int], None] | None) -> None:
        """Have the task report its evaluations, the batches that are done and their number, to `callback` if any."""
        self._task.on_evaluation = callback

    def test_metrics(self) -> Mapping[str, Tensor]:
        """Return the task's test metrics at the optimizer's evaluation point, each (P,)."""
        with foreign():
            return self._task.test_metrics(self._optimizer.evaluation_point)

    # The optimizer's oracle:

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient (P, n) at `x` (P, n) on the current batch; counted as an evaluation."""
        return self.loss_and_gradient(x)[1]

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (P,) and gradients (P, n) at `x` (P, n) on the current batch; counted as an evaluation."""
        self._num_evaluations += 1
        return self._task.loss_and_gradient(x)

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessians (P, n, n) at `x` (P, n) on the current batch."""
        return self._task.hessian(x)

    @property
    def layers(self) -> Sequence[slice]:
        """The slices of the parameter vector that form the layers of a network."""
        return self._task.layers

    @property
    def progress(self) -> float:
        """The fraction of the planned steps that have been taken, from 0 to 1."""
        return min(self._num_steps / self._planned_steps, 1.0)
