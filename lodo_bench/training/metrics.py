"""Metrics measured during training besides the losses, off the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, final

import torch
from torch import Tensor
from typing_extensions import override

from lodo_bench.optimizers.base import Optimizer, Preconditioned
from lodo_bench.seeding import derive_seed
from lodo_bench.tasks.base import Task

HESSIAN_ERROR = "hessian_error"
_PROBES = 100


class Metric(Protocol):
    """A metric of final runs.

    Measuring changes nothing that a later step or measurement depends on.

    Attributes:
        interval: steps between measurements (>= 1).
        is_score: whether its latest value counts as a score at a milestone.
    """

    interval: int
    is_score: bool

    def measure(self) -> Mapping[str, Tensor]:
        """Return the current values by name, each (P,)."""
        ...


@final
class ValidationMetrics(Metric):
    """The task's validation metrics at the optimizer's evaluation point."""

    is_score = True

    def __init__(self, task: Task, optimizer: Optimizer, interval: int) -> None:
        self._task, self._optimizer, self.interval = task, optimizer, interval

    @override
    def measure(self) -> Mapping[str, Tensor]:
        return self._task.validation_metrics(self._optimizer.evaluation_point)


@final
class HessianError(Metric):
    """The distance of an optimizer's preconditioner G from the inverse of the Hessian H: ‖I − G H‖_F / √n.

    It is estimated with 100 random unit vectors v, the same at every measurement, as the root of the mean of
    ‖v − G H v‖² (LODO §5.1, Fig. 2).

    Args:
        task: a task with a Hessian.
        optimizer: an optimizer with a preconditioner.
    """

    interval = 100  # LODO §5.1
    is_score = False

    def __init__(self, task: Task, optimizer: Preconditioned) -> None:
        self._task, self._optimizer = task, optimizer
        generator = torch.Generator(device=task.device).manual_seed(derive_seed("metric", HESSIAN_ERROR))
        probes = torch.randn(_PROBES, task.dimension, generator=generator, device=task.device, dtype=task.dtype)
        self._probes = torch.nn.functional.normalize(probes, dim=1)

    @override
    def measure(self) -> Mapping[str, Tensor]:
        """Return the error of each individual, (P,), as `hessian_error`."""
        hessian = self._task.hessian(self._optimizer.x)
        hessian_vector_products = torch.matmul(self._probes, hessian)  # (P, probes, n); H is symmetric
        squares = self._probes.new_zeros(self._task.population)
        for index, probe in enumerate(self._probes):
            product = self._optimizer.precondition(hessian_vector_products[:, index])
            squares += (probe - product).square().sum(1)
        return {HESSIAN_ERROR: (squares / len(self._probes)).sqrt_()}


def metrics_of(task: Task, optimizer: Optimizer) -> Sequence[Metric]:
    """Return the metrics that this task and this optimizer support."""
    found: list[Metric] = []
    if task.metric_interval is not None:
        found.append(ValidationMetrics(task, optimizer, task.metric_interval))
    if "hessian" in task.offers and isinstance(optimizer, Preconditioned):
        found.append(HessianError(task, optimizer))
    return found
