"""What is measured of a training besides its losses, off the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, final

import torch
from torch import Tensor

from lodo_bench.optimizers.base import Optimizer
from lodo_bench.seeding import derive_seed
from lodo_bench.tasks.base import Task

HESSIAN_ERROR = "hessian_error"
_PROBES = 100


class Metric(Protocol):
    """Something that is followed during a final run.

    Measuring changes nothing that a later step or measurement depends on.

    Attributes:
        interval: it is measured after every so many steps.
        is_score: whether its latest value counts as a score at a milestone.
    """

    interval: int
    is_score: bool

    def measure(self) -> Mapping[str, Tensor]:
        """What it is now, by name, each (P,)."""
        ...


@final
class TaskEvaluation:
    """What a task says of the point that its optimizer has reached; see `Task.evaluate`."""

    is_score = True

    def __init__(self, task: Task, optimizer: Optimizer, interval: int) -> None:
        self._task, self._optimizer, self.interval = task, optimizer, interval

    def measure(self) -> Mapping[str, Tensor]:
        """See `Metric`."""
        return self._task.validation_metrics(self._optimizer.x)


@final
class HessianError:
    """How far an optimizer's preconditioner G is from the inverse of the Hessian H: ‖I − G H‖_F / √n.

    Estimated with 100 random unit vectors v, the same at every measurement, as the root of the mean of ‖v − G H v‖²,
    which is the mean square of I − G H's rows and columns (LODO §5.1, Fig. 2).

    Args:
        task: tells its Hessian.
        optimizer: tells G.
    """

    interval = 100  # LODO §5.1
    is_score = False

    def __init__(self, task: Task, optimizer: Optimizer) -> None:
        self._task, self._optimizer = task, optimizer
        generator = torch.Generator(device=task.device).manual_seed(derive_seed("metric", HESSIAN_ERROR))
        probes = torch.randn(_PROBES, task.dimension, generator=generator, device=task.device, dtype=task.dtype)
        self._probes = torch.nn.functional.normalize(probes, dim=1)

    def measure(self) -> Mapping[str, Tensor]:
        """The error of each individual, (P,), as `hessian_error`."""
        hessian = self._task.hessian(self._optimizer.x)
        bent = torch.matmul(self._probes, hessian)  # (P, probes, n); H is symmetric
        squares = self._probes.new_zeros(self._task.population)
        for index, probe in enumerate(self._probes):
            back = self._optimizer.precondition(bent[:, index])
            assert back is not None, "only of optimizers that have a preconditioner"
            squares += (probe - back).square().sum(1)
        return {HESSIAN_ERROR: (squares / len(self._probes)).sqrt_()}


def metrics_of(task: Task, optimizer: Optimizer) -> Sequence[Metric]:
    """What can be followed of this pair."""
    found: list[Metric] = []
    if task.metric_interval is not None:
        found.append(TaskEvaluation(task, optimizer, task.metric_interval))
    if "hessian" in task.offers and optimizer.precondition(torch.zeros_like(optimizer.x)) is not None:
        found.append(HessianError(task, optimizer))
    return found
