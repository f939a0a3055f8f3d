"""Diagnostics: small problems with one difficulty each, which an optimizer solves or does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.spec.training import LossBound
from lodo_bench.tasks import derivatives
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.diagnostic_cases import CASES


@final
class Diagnostics(Task):
    """A problem with one difficulty, such as a saddle or sparse gradients, which is solved below a stated loss.

    ℓ(x) = f(x; b) + ξᵀ (x − x_t), with b a batch and ξ noise, drawn before every step in the cases that have them, and
    x_t the point at which the batch is evaluated first: the recorded loss is f, without noise, and its gradient is
    ∇f + ξ. The cases are those of `lodo_bench.tasks.diagnostic_cases.CASES`. Without a batch or noise, seeds affect the
    optimizer only.
    """

    options_table = (Option("case", "case", "choice", "saddle", "the difficulty", tuple(CASES)),)
    step_milestone = 1000
    default_dtype = "float64"
    offers = frozenset({"hessian"})
    state_names = ("_generators", "_batch", "_noise", "_reference")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        self._generators = list(generators)
        self._case = CASES[self.options["case"]]
        self._batch = torch.ones_like(self.initial_point())
        self._noise = torch.zeros_like(self._batch)
        self._reference: Tensor | None = None

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        return len(CASES[cls.with_defaults(options)["case"]].start)

    @classmethod
    @override
    def is_random(cls, options: Mapping[str, Value]) -> bool:
        """Return whether the case has batches or noise."""
        case = CASES[cls.with_defaults(options)["case"]]
        return case.draw_batch is not None or case.draw_noise is not None

    @classmethod
    @override
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound:
        """Return 0, the minimum of all cases."""
        return LossBound("global minimum", 0.0)

    @classmethod
    @override
    def minimizers(cls, options: Mapping[str, Value]) -> Sequence[Sequence[float]]:
        return CASES[cls.with_defaults(options)["case"]].minimizers

    @classmethod
    @override
    def solved_below(cls, options: Mapping[str, Value]) -> float:
        return CASES[cls.with_defaults(options)["case"]].solved_below

    @property
    @override
    def tensors(self) -> Sequence[TensorSpec]:
        sizes = self._case.layer_sizes or (self.dimension,)
        return tuple(TensorSpec(f"layer{index}", (size,)) for index, size in enumerate(sizes, 1))

    @property
    @override
    def layers(self) -> Sequence[slice]:
        ends = accumulate((tensor.size for tensor in self.tensors), initial=0)
        return tuple(slice(start, end) for start, end in pairwise(ends))

    @override
    def initial_point(self) -> Tensor:
        """Return the case's starting point for every individual."""
        start = torch.tensor([self._case.start], device=self.device, dtype=self.dtype)
        return start.repeat(self.population, 1)

    @override
    def next_batch(self) -> None:
        self._reference = None
        if self._case.draw_batch is not None:
            self._case.draw_batch(self._generators, self._batch)
        if self._case.draw_noise is not None:
            self._case.draw_noise(self._generators, self._noise)

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = derivatives.value_and_gradient(self._loss, x)
        if self._case.draw_noise is None:
            return loss, gradient
        if self._reference is None:
            self._reference = x.clone()
        return loss + (self._noise * (x - self._reference)).sum(1), gradient + self._noise

    @override
    def hessian(self, x: Tensor) -> Tensor:
        """Return the second derivatives of f on the current batch."""
        return derivatives.hessian(self._loss, x)

    def _loss(self, x: Tensor) -> Tensor:
        return self._case.loss(x, self._batch)
