"""The function under trajectories, from a task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS

_AT_ONCE = 2000


def contour_heights(task: TaskSpec) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """The losses (K,) of a task's first batch at any points (K, n)."""
    kind = TASKS.load(task.name)

    def heights(points: NDArray[np.float64]) -> NDArray[np.float64]:
        found = []
        for first in range(0, len(points), _AT_ONCE):
            x = torch.from_numpy(points[first : first + _AT_ONCE])
            problem = kind([torch.Generator().manual_seed(0) for _ in x], torch.float64, task.options)
            problem.next_batch()
            found.append(problem.loss_and_gradient(x)[0].numpy())
        return np.concatenate(found)

    return heights
