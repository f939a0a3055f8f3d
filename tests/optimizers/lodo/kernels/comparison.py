"""Kernels of LODO's preconditioner beside the reference, over several steps of learning and moving."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lodo_bench.optimizers.adam import AdamMoments
from lodo_bench.optimizers.lodo.block_network import draw_network
from lodo_bench.optimizers.lodo.kernels import BlockKernel, BlockNetwork, FusedBlockKernel
from lodo_bench.optimizers.lodo.kernels.reference import TorchKernel
from lodo_bench.optimizers.lodo.preconditioner import Descent
from tests.helpers import generators

Build = Callable[[BlockNetwork], BlockKernel]
# Sums of up to 8 products, 32 of them one after the other, and steps of Adam, whose size hardly depends on rounding.
TOLERANCE = {torch.float32: 2e-4, torch.float64: 1e-11}


@dataclass(frozen=True)
class Case:
    """A size of the problem."""

    n: int
    population: int = 1
    block_size: int = 4
    layers: int = 16
    hidden_dim: int | None = None
    dtype: torch.dtype = torch.float64

    def __str__(self) -> str:
        hidden = f", hidden={self.hidden_dim}" if self.hidden_dim else ""
        precision = str(self.dtype).removeprefix("torch.")
        return f"n={self.n}, P={self.population}, k={self.block_size}, N={self.layers}{hidden}, {precision}"


class Descending:
    """A population that a kernel serves, always the same for the same individuals."""

    def __init__(self, build: Build, case: Case, individuals: list[int] | None = None, device: str = "cpu") -> None:
        self.individuals = list(range(case.population)) if individuals is None else individuals
        network = draw_network(
            generators(100 + p for p in self.individuals),
            case.n,
            layers=case.layers,
            block_size=case.block_size,
            hidden_dim=case.hidden_dim,
            dtype=case.dtype,
        ).to(torch.device(device))
        self.weights = network.weights
        self.kernel = build(network)
        self.moments = AdamMoments(network.weights, 0.9, 0.999)
        self._random = generators(self.individuals)
        self._like = network.weights.new_empty(0)
        number = self._like.new_tensor(self.individuals)
        self.descent = Descent(
            x=self.draw(case.n),
            average=self._like.new_zeros(len(self.individuals), case.n),
            renewal=(0.3 + 0.25 * number).unsqueeze(1),
            scale=(0.5 + 0.1 * number).unsqueeze(1),
            meta_rate=0.01 / (1 + number),
        )

    def draw(self, n: int) -> Tensor:
        """A vector for each individual, (P, n)."""
        rows = [torch.randn(n, generator=random, dtype=torch.float64) for random in self._random]
        return torch.stack(rows).to(self._like)

    def move(self, gradient: Tensor) -> None:
        if isinstance(self.kernel, FusedBlockKernel):
            self.kernel.move(gradient, self.descent)
        else:
            self.descent.average.lerp_(gradient, self.descent.renewal)
            self.descent.x.addcmul_(self.kernel.apply(self.descent.average), self.descent.scale, value=-1)

    def run(self, steps: int = 4) -> Iterator[tuple[str, Tensor]]:
        """Everything that a kernel computes, by name, over some steps."""
        n = self.descent.x.shape[1]
        for step in range(steps):
            gradient = self.draw(n)
            if step % 2 and isinstance(self.kernel, FusedBlockKernel):
                self.kernel.step(gradient, self.descent, self.moments)
            else:
                self.kernel.learn(gradient, self.descent, self.moments)
                self.move(gradient)
            yield f"weights after {step}", self.weights
            yield f"x after {step}", self.descent.x
        for name in ("product", "apply", "weight_gradient"):
            yield name, getattr(self.kernel, name)(self.draw(n))
        yield "first moments", self.moments.first
        yield "second moments", self.moments.second


def assert_equal_to_the_reference(build: Build, case: Case, device: str = "cpu") -> None:
    """The kernel computes what the reference does, to rounding."""
    found, expected = Descending(build, case, device=device), Descending(TorchKernel, case)
    tolerance = TOLERANCE[case.dtype]
    for (name, ours), (_, reference) in zip(found.run(), expected.run(), strict=True):
        torch.testing.assert_close(
            ours.cpu(), reference, rtol=tolerance, atol=tolerance, msg=lambda text, at=name: f"{case}, {at}: {text}"
        )
