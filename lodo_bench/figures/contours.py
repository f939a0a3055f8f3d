"""The loss surface of a task with two parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS

_CHUNK = 2000


def contour_heights(task: TaskSpec) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a function that maps points (K, n) to the losses (K,) of the task's first batch."""
    kind = TASKS.load(task.name)

    def heights(points: NDArray[np.float64]) -> NDArray[np.float64]:
        losses = []
        for first in range(0, len(points), _CHUNK):
            x = torch.from_numpy(points[first : first + _CHUNK])
            problem = kind([torch.Generator().manual_seed(0) for _ in x], torch.float64, task.options)
            problem.next_batch()
            losses.append(problem.loss_and_gradient(x)[0].numpy())
        return np.concatenate(losses)

    return heights
