"""A task that counts how often it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from torch import Tensor
from typing_extensions import override

from lodo_bench.spec.options import Value
from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.tasks.base import Task


@final
class CountedTask(Task):
    """Another task, with a count of its evaluations, whoever asks for them.

    Args:
        task: the other task.

    Attributes:
        evaluations: the number of calls of `loss_and_gradient` so far.
    """

    step_milestone = 1
    default_dtype = "float64"

    def __init__(self, task: Task) -> None:
        self._task, self.evaluations = task, 0
        self.population, self.device, self.dtype = task.population, task.device, task.dtype
        self.options, self.dimension = task.options, task.dimension

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        raise NotImplementedError("the dimension is that of the other task")

    @override
    def initial_point(self) -> Tensor:
        return self._task.initial_point()

    @override
    def next_batch(self) -> None:
        self._task.next_batch()

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.evaluations += 1
        return self._task.loss_and_gradient(x)

    @override
    def hessian(self, x: Tensor) -> Tensor:
        return self._task.hessian(x)

    @property
    @override
    def tensors(self) -> Sequence[TensorSpec]:
        return self._task.tensors

    @property
    @override
    def layers(self) -> Sequence[slice]:
        return self._task.layers
