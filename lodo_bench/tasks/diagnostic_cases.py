"""Small problems with one difficulty each, and the loss below which they count as solved.

Each minimum is 0. Losses are elementwise operations and sums over a row, with powers written as products: the rounding
of a vectorized power depends on the position in the population.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lodo_bench.seeding import draw_normal

# Fills a tensor (P, n), row p from generator p alone.
Draw = Callable[[Sequence[Generator], Tensor], object]


@dataclass(frozen=True, slots=True)
class DiagnosticCase:
    """A problem with one difficulty.

    Attributes:
        loss: maps x (P, n) and a batch (P, n) to losses (P,).
        start: the starting point, n numbers.
        solved_below: the loss at which it counts as solved.
        minimizers: the points where the loss is 0, n numbers each.
        layer_sizes: sizes of the layers, whose sum is n; empty for a single one.
        draw_batch: draws the batch; None if `loss` ignores it.
        draw_noise: draws the noise that is added to the gradient; None if there is none.
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    start: tuple[float, ...]
    solved_below: float
    minimizers: tuple[tuple[float, ...], ...]
    layer_sizes: tuple[int, ...] = ()
    draw_batch: Draw | None = None
    draw_noise: Draw | None = None


def _saddle() -> DiagnosticCase:
    """Return ½ x² + ¼ (y² − 1)², from close to the line y = 0 that leads into the saddle at 0, where the loss is ¼."""

    def loss(x: Tensor, _: Tensor) -> Tensor:
        along, across = x.unbind(1)
        return 0.5 * along.square() + 0.25 * (across.square() - 1).square()

    return DiagnosticCase(loss, start=(1.0, 1e-4), solved_below=0.01, minimizers=((0.0, 1.0), (0.0, -1.0)))


def _plateau() -> DiagnosticCase:
    """Return ½ Σ x² / (1 + x²), from far out, where the slope is that of −1/2x² and almost 0."""

    def loss(x: Tensor, _: Tensor) -> Tensor:
        square = x.square()
        return 0.5 * (square / (1 + square)).sum(1)

    return DiagnosticCase(loss, start=(20.0, -15.0), solved_below=0.01, minimizers=((0.0, 0.0),))


def _heavy_tailed_noise() -> DiagnosticCase:
    """Return ½ ‖x‖², n = 10, with gradient noise from Student's t with 2 degrees of freedom, of infinite variance."""

    def draw(generators: Sequence[Generator], out: Tensor) -> None:
        # t is a normal number divided by the root of a mean of squares; with 2 of these that is exponential.
        exponential = torch.empty_like(out)
        for generator, row in zip(generators, exponential, strict=True):
            row.exponential_(generator=generator)
        draw_normal(generators, out).div_(exponential.sqrt_())

    return DiagnosticCase(
        lambda x, _: 0.5 * x.square().sum(1),
        start=(1.0,) * 10,
        solved_below=0.2,
        minimizers=((0.0,) * 10,),
        draw_noise=draw,
    )


def _badly_scaled_layers() -> DiagnosticCase:
    """Return ½ Σ c_l ‖x_l‖² over three layers of 4 parameters with c = 1, 1e-2, 1e-4.

    The level is a twentieth of the loss of the flattest layer at the start.
    """
    sizes, curvatures = (4, 4, 4), (1.0, 1e-2, 1e-4)

    def loss(x: Tensor, _: Tensor) -> Tensor:
        parts = zip(curvatures, torch.split(x.square(), list(sizes), dim=1), strict=True)
        return torch.stack([0.5 * curvature * part.sum(1) for curvature, part in parts]).sum(0)

    return DiagnosticCase(loss, start=(1.0,) * 12, solved_below=1e-5, minimizers=((0.0,) * 12,), layer_sizes=sizes)


def _sparse_gradients() -> DiagnosticCase:
    """Return ½ Σ b_i (x_i − 1)², n = 100, with b_i = 1 with probability 1/i, else 0: the gradients are sparse."""
    count = 100

    def draw(generators: Sequence[Generator], out: Tensor) -> None:
        ranks = torch.arange(1, count + 1, device=out.device, dtype=out.dtype)
        for generator, row in zip(generators, out, strict=True):
            row.uniform_(generator=generator)
        out.copy_(out * ranks < 1)

    return DiagnosticCase(
        lambda x, batch: 0.5 * (batch * (x - 1).square()).sum(1),
        start=(0.0,) * count,
        solved_below=0.05,
        minimizers=((1.0,) * count,),
        draw_batch=draw,
    )


def _ill_conditioned() -> DiagnosticCase:
    """Return ½ Σ λ_i (x_i − 2 x̄)², n = 10, with x̄ the mean of x and λ from 1e-4 to 1 in geometric progression.

    x − 2 x̄ is a reflection, so that the Hessian has the eigenvalues λ, but none of its eigenvectors is an axis. All of
    them contribute equally to the loss at the start, which is ½.
    """
    count = 10
    eigenvalues = [10 ** (-4 * index / (count - 1)) for index in range(count)]
    modes = [(eigenvalue * count) ** -0.5 for eigenvalue in eigenvalues]
    mean = sum(modes) / count

    def loss(x: Tensor, _: Tensor) -> Tensor:
        reflected = x - 2 * x.mean(1, keepdim=True)
        return 0.5 * (reflected.square() * x.new_tensor(eigenvalues)).sum(1)

    start = tuple(mode - 2 * mean for mode in modes)
    return DiagnosticCase(loss, start, solved_below=1e-3, minimizers=((0.0,) * count,))


CASES: Mapping[str, DiagnosticCase] = {
    "saddle": _saddle(),
    "plateau": _plateau(),
    "heavy-tailed-noise": _heavy_tailed_noise(),
    "badly-scaled-layers": _badly_scaled_layers(),
    "sparse-gradients": _sparse_gradients(),
    "ill-conditioned": _ill_conditioned(),
}
"""The cases by name, the default first."""
