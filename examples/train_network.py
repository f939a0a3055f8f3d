"""Train a small network with LODO and, from the same initial point on the same batches, with Adam; print both losses.

The data come from a teacher network of the same shape, with inputs of very different scales, as in raw data.

    python examples/train_network.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

import lodo_bench

INPUTS, HIDDEN, BATCH = 12, 24, 128
SCALES = torch.logspace(0, -1.5, INPUTS)
MAKERS: dict[str, Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]] = {
    "LODO": lambda parameters: lodo_bench.LODO(parameters, lr=0.1, meta_lr=1e-3, beta=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
}


def network(seed: int) -> nn.Module:
    """Return a network with one hidden layer."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1))


def batch(teacher: nn.Module, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return inputs and the teacher's outputs."""
    inputs = torch.randn(BATCH, INPUTS, generator=generator)
    with torch.no_grad():
        return inputs * SCALES, 3 * teacher(inputs)


def train(name: str, steps: int) -> list[float]:
    """Return the loss before every step."""
    model, teacher = network(seed=1), network(seed=2)
    optimizer = MAKERS[name](model.parameters())
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(steps):
        inputs, targets = batch(teacher, generator)
        loss = nn.functional.mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    """Train with both optimizers and print their losses."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=4000, help="steps of each optimizer (default %(default)s)")
    steps = parser.parse_args().steps
    curves, seconds = {}, {}
    for name in MAKERS:
        start = time.perf_counter()
        curves[name] = train(name, steps)
        seconds[name] = time.perf_counter() - start
    print("step  " + "".join(f"{name:>12}" for name in curves))
    for end in range(steps // 8, steps + 1, steps // 8):
        means = [sum(curve[end - steps // 8 : end]) / (steps // 8) for curve in curves.values()]
        print(f"{end:5d} " + "".join(f"{mean:12.5f}" for mean in means))
    print("ms/step" + "".join(f"{1000 * seconds[name] / steps:11.2f} " for name in curves))


if __name__ == "__main__":
    main()
