"""The noisy quadratic bowl: a quadratic whose minimum performs a random walk (LODO §5.1, App. F.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Generator, Tensor
from typing_extensions import override

from lodo_bench.compute.selection import implementation
from lodo_bench.compute.threads import single_thread
from lodo_bench.errors import UsageError
from lodo_bench.seeding import draw_normal
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.training import LossBound
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.spectra import SPECTRA, eigenvalues, trace

# The center's walk is drawn this many steps at a time: a generator call per step would cost more than the step.
_BLOCK = 128
_CACHE_LINE_BYTES = 64
# The n × n matrices that exist at a time while a Hessian is drawn, besides the Hessians.
_DRAWING_MATRICES = 4


@final
class QuadraticEvaluation:
    """The loss ½ (x − x*)ᵀ H (x − x*) and its gradient H (x − x*).

    Args:
        hessian: H, (P, m, m), zero-padded, m >= n.
        centers: (steps, P, n), x* at each step.
    """

    def __init__(self, hessian: Tensor, centers: Tensor) -> None:
        # Views, taken once: taking one costs as much as evaluating the loss.
        self._hessian, self._centers = hessian, centers.unbind(0)
        self._offset = hessian.new_zeros(hessian.shape[:2])

    def __call__(self, step: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (P,) and gradients (P, n) at `x` (P, n) around the centers of row `step`."""
        n = x.shape[1]
        torch.sub(x, self._centers[step], out=self._offset[:, :n])
        # H is symmetric; in a batch, the product with a row vector is several times faster than with a column vector.
        gradient = torch.bmm(self._offset.unsqueeze(1), self._hessian).squeeze(1)
        return (self._offset * gradient).sum(1).mul_(0.5), gradient[:, :n]


@final
class Quadratic(Task):
    """ℓ = ½ (x − x*)ᵀ H (x − x*), whose center x* moves by N(0, σ² I) before every step.

    H = Q Λ Qᵀ, with Q uniformly distributed over the orthogonal matrices and the n eigenvalues Λ in geometric
    progression, or with another spectrum of `lodo_bench.tasks.spectra`; each individual has its own H and its own walk.
    x and x* start at 0. The optimal steady-state loss is ½ σ² tr H (7.41 with the paper's values), attained by Newton's
    method, which moves to the current center at every step.

    Attributes:
        padded_hessian: H, (P, m, m), its rows zero-padded to whole cache lines.
        walk: (block + 1, P, n), the centers of a block of steps; row 0 is the last center of the previous block.
    """

    options_table = (
        Option("dimension", "n", "positive-int", 100, "number of parameters n"),
        Option("noise_variance", "var", "variance", 1.0, "variance σ² of each coordinate of the center's step"),
        Option("min_eigenvalue", "min_eig", "rate", 0.001, "smallest eigenvalue of the Hessian"),
        Option("max_eigenvalue", "max_eig", "rate", 1.0, "largest eigenvalue of the Hessian"),
        Option("spectrum", "spectrum", "choice", "logarithmic", "spacing of the eigenvalues", tuple(SPECTRA)),
    )
    step_milestone = 100_000
    default_dtype = "float64"
    offers = frozenset({"hessian"})
    state_names = ("_generators", "walk", "_position")

    def __init__(self, generators: Sequence[Generator], dtype: torch.dtype, options: Mapping[str, Value]) -> None:
        super().__init__(generators, dtype, options)
        self._generators = generators
        self._deviation = self.options["noise_variance"] ** 0.5
        with single_thread():
            self.padded_hessian = self._draw_hessians()
        # Row 0 is the last position of the previous block. At the start the block counts as used up.
        self.walk = torch.zeros(_BLOCK + 1, self.population, self.dimension, device=self.device, dtype=dtype)
        # Reused: allocating this much memory takes as long as drawing the numbers.
        self._noise = torch.empty(self.population, _BLOCK, self.dimension, device=self.device, dtype=dtype)
        self._position = _BLOCK
        self._evaluate = implementation(QuadraticEvaluation, self.device, dtype)(self.padded_hessian, self.walk)

    @classmethod
    @override
    def dimension_for(cls, options: Mapping[str, Value]) -> int:
        return int(cls.with_defaults(options)["dimension"])

    @classmethod
    @override
    def numbers_for(cls, options: Mapping[str, Value], population: int) -> int:
        """Return the numbers of the Hessians and walks, and what QR needs to draw one of the Hessians."""
        n = cls.dimension_for(options)
        return population * (n + 2 * _BLOCK + 1) * n + _DRAWING_MATRICES * n * n

    @classmethod
    @override
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound:
        """Return the steady-state loss of Newton's method, ½ σ² tr H."""
        values = cls.with_defaults(options)
        return LossBound("Newton", 0.5 * values["noise_variance"] * trace(*_spectrum(values)))

    @override
    def initial_point(self) -> Tensor:
        """Return the origin, where the center starts, too."""
        return torch.zeros_like(self.walk[0])

    @override
    def next_batch(self) -> None:
        """Move the center by one step of its random walk."""
        if self._position == _BLOCK:
            self._draw_walk()
        self._position += 1

    def skip_batches(self, limit: int) -> tuple[int, int]:
        """Move on by up to `limit` batches, at least one.

        Returns:
            The row of `walk` with the center of the first of them, and their number.
        """
        if self._position == _BLOCK:
            self._draw_walk()
        start, count = self._position + 1, min(limit, _BLOCK - self._position)
        self._position += count
        return start, count

    @override
    def loss_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses (P,) and gradients H (x − x*), (P, n)."""
        return self._evaluate(self._position, x)

    @override
    def hessian(self, x: Tensor) -> Tensor:
        """Return H, which depends on neither `x` nor the batch."""
        return self.padded_hessian[:, : self.dimension, : self.dimension]

    def _draw_hessians(self) -> Tensor:
        """Return all individuals' H, (P, m, m), each drawn into its place: a list of them would take as much again."""
        first = self._draw_hessian(self._generators[0])
        hessians = first.new_empty(self.population, *first.shape)
        hessians[0] = first
        for index, generator in enumerate(self._generators[1:], 1):
            hessians[index] = self._draw_hessian(generator)
        return hessians

    def _draw_hessian(self, generator: Generator) -> Tensor:
        """Return one individual's H, with its rows zero-padded to whole cache lines.

        The result must not depend on the rest of the population: the rounding of LAPACK and BLAS depends on the
        alignment of a matrix in memory and on the number of threads. So each H is computed separately, on one thread,
        and each matrix and each row starts at a cache line.
        """
        n = self.dimension
        gaussian = torch.randn(n, n, generator=generator, device=self.device, dtype=self.dtype)
        q, _ = torch.linalg.qr(gaussian)  # the signs of its columns, which QR chooses, cancel in Q Λ Qᵀ
        spectrum = eigenvalues(*_spectrum(self.options)).to(device=self.device, dtype=self.dtype)
        hessian = (q * spectrum) @ q.mT
        padding = -n % (_CACHE_LINE_BYTES // hessian.itemsize)
        return torch.nn.functional.pad((hessian + hessian.mT) / 2, (0, padding, 0, padding))

    def _draw_walk(self) -> None:
        steps = draw_normal(self._generators, self._noise).mul_(self._deviation)
        self.walk[0] = self.walk[_BLOCK]
        torch.cumsum(steps.transpose(0, 1), 0, out=self.walk[1:])
        self.walk[1:] += self.walk[0]
        self._position = 0


def _spectrum(options: Mapping[str, Any]) -> tuple[str, int, float, float]:
    """Return the arguments of `eigenvalues`."""
    low, high = float(options["min_eigenvalue"]), float(options["max_eigenvalue"])
    if low > high:
        raise UsageError(
            f"min_eigenvalue = {low:g} is above max_eigenvalue = {high:g}. Give a range from small to large."
        )
    return options["spectrum"], int(options["dimension"]), low, high
