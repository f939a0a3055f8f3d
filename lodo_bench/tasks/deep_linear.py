"""A deep linear network, fitted to a random linear map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.seeding import draw_normal
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.tensors import TensorSpec
from lodo_bench.spec.training import LossBound
from lodo_bench.tasks.base import Task

_CACHE_LINE_BYTES = 64


@final
class DeepLinear(Task):
    """ℓ = ‖W_d ⋯ W_1 − M‖_F² / 2w, with d matrices W_l and the target M, each w × w.

    This is half the mean squared error, per output, of a linear network on whitened inputs. All matrices are drawn with
    entries from N(0, 1/w), so that the loss is about 1 at the start; each individual has its own. The loss is not
    convex for d > 1: its stationary points are global minima, with ℓ = 0, and saddles. It is deterministic: the seed
    determines M and the starting point.

    Reference:
        Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks", ICLR 2014.
    """

    options_table = (
        Option("depth", "d", "positive-int", 3, "number of matrices d"),
        Option("width", "w", "positive-int", 8, "number of rows and of columns w of each matrix"),
    )
    step_milestone = 2000
    default_dtype = "float64"
    offers = frozenset({"matrices"})

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        depth, self._width = int(self.options["depth"]), int(self.options["width"])
        shape = (self.population, depth + 1, self._width, self._width)
        drawn = draw_normal(generators, torch.empty(shape, device=self.device, dtype=dtype)).mul_(self._width**-0.5)
        self._start = drawn[:, 1:].reshape(self.population, self.dimension)
        self._target = self._padded(drawn[:, 0])

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        values = cls.with_defaults(options)
        return int(values["depth"]) * int(values["width"]) ** 2

    @classmethod
    @override
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound:
        """Return 0, the loss of every factorization of M."""
        return LossBound("global minimum", 0.0)

    @property
    @override
    def tensors(self) -> Sequence[TensorSpec]:
        """The matrices W_1, ..., W_d, all with the role `matrix`: the last is no different from the others."""
        shape = (self._width, self._width)
        return tuple(TensorSpec(f"layer{index + 1}.weight", shape, "matrix") for index in range(self.options["depth"]))

    @property
    @override
    def layers(self) -> Sequence[slice]:
        size = self._width**2
        return tuple(slice(start, start + size) for start in range(0, self.dimension, size))

    @override
    def initial_point(self) -> Tensor:
        """Return the random matrices W_1, ..., W_d, concatenated."""
        return self._start.clone()

    @override
    def next_batch(self) -> None:
        pass  # the loss is deterministic

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (P,) and gradients (P, n), by backpropagation through the products of matrices."""
        weights = self._padded(x.reshape(self.population, -1, self._width, self._width)).unbind(1)
        products = [weights[0]]  # W_l ⋯ W_1
        for weight in weights[1:]:
            products.append(torch.bmm(weight, products[-1]))
        error = products[-1] - self._target
        loss = error.square().flatten(1).sum(1) / (2 * self._width)
        upstream, gradients = error / self._width, []
        for index in range(len(weights) - 1, 0, -1):
            gradients.append(torch.bmm(upstream, products[index - 1].mT))
            upstream = torch.bmm(weights[index].mT, upstream)
        gradients.append(upstream)
        stacked = torch.stack(gradients[::-1], dim=1)[..., : self._width, : self._width]
        return loss, stacked.reshape(self.population, self.dimension)

    def _padded(self, matrices: Tensor) -> Tensor:
        """Return a copy with rows and columns zero-padded to whole cache lines.

        The rounding of BLAS depends on the alignment of a matrix in memory, and so on the position in the population.
        """
        padding = -self._width % (_CACHE_LINE_BYTES // matrices.itemsize)
        return torch.nn.functional.pad(matrices, (0, padding, 0, padding)).contiguous()
