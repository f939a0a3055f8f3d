"""What is measured of a training besides its losses, off the clock."""

from __future__ import annotations

import torch
from torch import Tensor

from lodo_bench.optimizers.base import Optimizer
from lodo_bench.seeding import derive_seed
from lodo_bench.tasks.base import Task

HESSIAN_ERROR = "hessian_error"
# Metrics are measured after every so many steps (LODO §5.1).
INTERVAL = 100
_PROBES = 100


class HessianError:
    """How far an optimizer's preconditioner G is from the inverse of the Hessian H: ‖I − G H‖_F / √n.

    Estimated with 100 random unit vectors v, the same at every measurement, as the root of the mean of ‖v − G H v‖²,
    which is the mean square of I − G H's rows and columns (LODO §5.1, Fig. 2).

    Args:
        task: tells its Hessian.
        optimizer: tells G.
    """

    def __init__(self, task: Task, optimizer: Optimizer) -> None:
        self._task, self._optimizer = task, optimizer
        generator = torch.Generator(device=task.device).manual_seed(derive_seed("metric", HESSIAN_ERROR))
        probes = torch.randn(_PROBES, task.dimension, generator=generator, device=task.device, dtype=task.dtype)
        self._probes = torch.nn.functional.normalize(probes, dim=1)

    def measure(self) -> Tensor:
        """The error of each individual, (P,)."""
        hessian = self._task.hessian(self._optimizer.x)
        bent = torch.matmul(self._probes, hessian)  # (P, probes, n); H is symmetric
        squares = self._probes.new_zeros(self._task.population)
        for index, probe in enumerate(self._probes):
            back = self._optimizer.precondition(bent[:, index])
            assert back is not None, "only of optimizers that have a preconditioner"
            squares += (probe - back).square().sum(1)
        return (squares / len(self._probes)).sqrt_()


def metric_of(task: Task, optimizer: Optimizer) -> HessianError | None:
    """What can be measured of this pair, if anything."""
    if "hessian" not in task.offers or optimizer.precondition(torch.zeros_like(optimizer.x)) is None:
        return None
    return HessianError(task, optimizer)
