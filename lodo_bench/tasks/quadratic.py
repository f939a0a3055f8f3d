"""The noisy quadratic bowl: a quadratic whose minimum wanders (LODO §5.1, App. F.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Generator, Tensor

from lodo_bench.backends.compiled_loop import CompiledStep
from lodo_bench.compute.selection import current_backend
from lodo_bench.compute.threads import single_thread
from lodo_bench.errors import UsageError
from lodo_bench.seeding import draw_normal
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.training import LossBound
from lodo_bench.tasks.base import Task

# The centre's walk is drawn this many steps at a time: a generator call for each step would cost more than the step.
_BLOCK = 128
_CACHE_LINE_BYTES = 64


@final
class Quadratic(Task):
    """ℓ = ½ (x − x*)ᵀ H (x − x*), with a centre x* that moves by N(0, σ² I) before every evaluation.

    H = Q Λ Qᵀ with Q uniform over the orthogonal matrices and Λ a geometric sequence of n eigenvalues; each individual
    has its own H and its own walk. x and x* start at 0. The best steady loss is ½ σ² tr H (7.41 with the paper's
    values), reached by Newton's method, which jumps to the current centre at every step.
    """

    options_table = (
        Option("dimension", "n", "positive-int", 100, "number of parameters n"),
        Option("noise_variance", "var", "variance", 1.0, "variance σ² of the centre's step, in each coordinate"),
        Option("min_eigenvalue", "min_eig", "rate", 0.001, "smallest eigenvalue of the Hessian"),
        Option("max_eigenvalue", "max_eig", "rate", 1.0, "largest eigenvalue of the Hessian"),
    )
    step_milestone = 100_000
    default_dtype = "float64"
    offers = frozenset({"hessian"})
    state_names = ("_generators", "_walk", "_position")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        self._generators = generators
        self._deviation = self.options["noise_variance"] ** 0.5
        with single_thread():
            self._hessian = torch.stack([self._draw_hessian(generator) for generator in generators])
        self._offset = torch.zeros(self.population, self._hessian.shape[1], device=self.device, dtype=dtype)
        # Row 0 is where the walk stood before it was last drawn; at the start all of it is used up.
        self._walk = torch.zeros(_BLOCK + 1, self.population, self.dimension, device=self.device, dtype=dtype)
        # Kept, as fresh memory of this size costs as much as the numbers that are drawn into it.
        self._noise = torch.empty(self.population, _BLOCK, self.dimension, device=self.device, dtype=dtype)
        self._position = _BLOCK
        self.is_compiled = current_backend(self.device, self.dtype) == "numba"
        # Views, once and for all: taking them costs as much as the arithmetic.
        self._centers = list(self._walk.numpy() if self.is_compiled else self._walk.unbind(0))

    @classmethod
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        """The option `dimension`."""
        return int(cls.with_defaults(options)["dimension"])

    @classmethod
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound:
        """Newton's steady loss, ½ σ² tr H."""
        filled = cls.with_defaults(options)
        return LossBound("Newton", 0.5 * filled["noise_variance"] * _trace(filled))

    def initial_point(self) -> Tensor:
        """The origin, which is also where the centre starts."""
        return torch.zeros_like(self._walk[0])

    def next_batch(self) -> None:
        """Move the centre by one step of its random walk."""
        if self._position == _BLOCK:
            self._walk_on()
        self._position += 1

    def compiled_batches(self, limit: int) -> tuple[CompiledStep, int]:
        """See `Task.compiled_batches`: as many as the centre's walk has been drawn for."""
        from lodo_bench.backends.numba.quadratic import quadratic

        if self._position == _BLOCK:
            self._walk_on()
        start, count = self._position + 1, min(limit, _BLOCK - self._position)
        self._position += count
        return CompiledStep.of(quadratic, self._hessian, self._walk, start), count

    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (P,) and gradients H (x − x*), (P, n); see `Task.loss_and_gradient`."""
        center = self._centers[self._position]
        if self.is_compiled:
            from lodo_bench.backends.numba.quadratic import evaluate_all

            loss, gradient = np.empty(self.population, center.dtype), np.empty_like(center)
            evaluate_all(self._hessian.numpy(), x.numpy(), center, loss, gradient)
            return torch.from_numpy(loss), torch.from_numpy(gradient)
        torch.sub(x, center, out=self._offset[:, : self.dimension])
        # H is symmetric; the row form of the product is several times faster in a batch than the column form.
        gradient = torch.bmm(self._offset.unsqueeze(1), self._hessian).squeeze(1)
        return (self._offset * gradient).sum(1).mul_(0.5), gradient[:, : self.dimension]

    def hessian(self, x: Tensor) -> Tensor:
        """H, which is the same everywhere."""
        return self._hessian[:, : self.dimension, : self.dimension]

    def _draw_hessian(self, generator: Generator) -> Tensor:
        """H of one individual, padded with zeros.

        The arithmetic must not depend on the company that an individual is in: LAPACK and BLAS round by the alignment
        of a matrix in memory and by the number of threads, so each H is built by itself, on one thread, and every one
        starts and has its rows at whole cache lines.
        """
        n = self.dimension
        gaussian = torch.randn(n, n, generator=generator, device=self.device, dtype=self.dtype)
        q, _ = torch.linalg.qr(gaussian)  # the signs of its columns, which QR chooses, cancel in Q Λ Qᵀ
        spectrum = _eigenvalues(self.options).to(device=self.device, dtype=self.dtype)
        hessian = (q * spectrum) @ q.mT
        padding = -n % (_CACHE_LINE_BYTES // hessian.itemsize)
        return torch.nn.functional.pad((hessian + hessian.mT) / 2, (0, padding, 0, padding))

    def _walk_on(self) -> None:
        steps = draw_normal(self._generators, self._noise).mul_(self._deviation)
        self._walk[0] = self._walk[_BLOCK]
        torch.cumsum(steps.transpose(0, 1), 0, out=self._walk[1:])
        self._walk[1:] += self._walk[0]
        self._position = 0


def _eigenvalues(options: Mapping[str, Any]) -> Tensor:
    low, high = _range(options)
    exponents = torch.linspace(0, 1, int(options["dimension"]), dtype=torch.float64)
    spectrum: Tensor = torch.pow(high / low, exponents) * low
    return spectrum


def _trace(options: Mapping[str, Any]) -> float:
    """The sum of the eigenvalues, a geometric series, without laying them out."""
    low, high = _range(options)
    n = int(options["dimension"])
    if n == 1 or low == high:
        return n * low
    growth = math.log(high / low) / (n - 1)
    return low * math.expm1(n * growth) / math.expm1(growth)


def _range(options: Mapping[str, Any]) -> tuple[float, float]:
    low, high = float(options["min_eigenvalue"]), float(options["max_eigenvalue"])
    if low > high:
        raise UsageError(
            f"min_eigenvalue = {low:g} is above max_eigenvalue = {high:g}. Give a range from small to large."
        )
    return low, high
