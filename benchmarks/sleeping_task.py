"""A task that only sleeps, of which the duration of a search is known in advance."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor
from typing_extensions import override

from lodo_bench.spec.options import Value
from lodo_bench.tasks.base import Task

SECONDS_PER_STEP = 0.05


@final
class Sleeping(Task):
    """Half the squared length of one number; a step of each individual takes SECONDS_PER_STEP."""

    step_milestone = 1
    default_dtype = "float64"

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        return 1

    @override
    def initial_point(self) -> Tensor:
        return torch.ones(self.population, 1, device=self.device, dtype=self.dtype)

    @override
    def next_batch(self) -> None:
        pass

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        time.sleep(SECONDS_PER_STEP * self.population)
        return 0.5 * x.square().sum(1), x.clone()
