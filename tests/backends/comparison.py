"""Implementations of LODO's preconditioner beside the reference, over several steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lodo_bench.optimizers.lodo.block_network import (
    BlockNetwork,
    BlockPreconditioner,
    TorchBlockPreconditioner,
    draw_network,
)
from lodo_bench.optimizers.lodo.lodo import adam_stepper
from lodo_bench.optimizers.lodo.preconditioner import StepState
from tests.helpers import generators

Build = Callable[[BlockNetwork], BlockPreconditioner]
# Sums of up to 8 products, 32 of them in succession, and steps of Adam, whose size hardly depends on rounding.
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


class Population:
    """A population that an implementation moves, always the same for the same individuals."""

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
        self._random = generators(self.individuals)
        self._like = network.weights.new_empty(0)
        number = self._like.new_tensor(self.individuals)
        self.state = StepState(
            x=self.draw(case.n),
            momentum=self._like.new_zeros(len(self.individuals), case.n),
            ema_weight=(0.3 + 0.25 * number).unsqueeze(1),
            initial_lr=(0.5 + 0.1 * number).unsqueeze(1),
            meta_lr=0.01 / (1 + number),
        )
        self.preconditioner = build(network)
        self.stepper = adam_stepper(self.preconditioner, self.state)

    def draw(self, n: int) -> Tensor:
        """A vector for each individual, (P, n)."""
        rows = [torch.randn(n, generator=random, dtype=torch.float64) for random in self._random]
        return torch.stack(rows).to(self._like)

    def run(self, steps: int = 4) -> Iterator[tuple[str, Tensor]]:
        """Everything that an implementation computes, by name, over some steps."""
        n = self.state.x.shape[1]
        for step in range(steps):
            gradient = self.draw(n)
            if step % 2:
                self.stepper.step(gradient)
            else:
                self.stepper.update_preconditioner(gradient)
                self.stepper.update_parameters(gradient)
            yield f"weights after {step}", self.weights
            yield f"x after {step}", self.state.x
        for name in ("matvec", "forward", "vjp"):
            yield name, getattr(self.preconditioner, name)(self.draw(n))
        yield "first moments", self.stepper.meta_optimizer.first
        yield "second moments", self.stepper.meta_optimizer.second


def assert_equal_to_the_reference(build: Build, case: Case, device: str = "cpu") -> None:
    """The implementation computes what the reference does, up to rounding."""
    found, expected = Population(build, case, device=device), Population(TorchBlockPreconditioner, case)
    tolerance = TOLERANCE[case.dtype]
    for (name, ours), (_, reference) in zip(found.run(), expected.run(), strict=True):
        torch.testing.assert_close(
            ours.cpu(), reference, rtol=tolerance, atol=tolerance, msg=lambda text, at=name: f"{case}, {at}: {text}"
        )
