"""Loss of LODO when the two moments of its meta-optimizer are stored in lower precision.

The moments are two thirds of LODO's state, so halving them would save a third. This script rounds them after every
step, on the noisy quadratic with the paper's tuned values (Table 6), and prints the mean loss over the last tenth of
the steps. `stochastic` rounds up or down at random, with the exact value as the mean.

    python benchmarks/moment_precision.py [steps]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from lodo_bench.optimizers.lodo import Lodo
from lodo_bench.tasks.quadratic import Quadratic

SEEDS = range(8)
TUNED = {"meta_learning_rate": 0.00096, "momentum": 0.195, "initial_learning_rate": 0.27}
Rounding = Callable[[Tensor], Tensor]


def to(dtype: torch.dtype) -> Rounding:
    return lambda values: values.to(dtype).to(values.dtype)


def stochastic(values: Tensor) -> Tensor:
    """Round stochastically to bfloat16: add random bits below the last bit kept, then truncate."""
    bits = values.float().view(torch.int32)
    noise = torch.randint(0, 1 << 16, bits.shape, dtype=torch.int32)
    return ((bits + noise) & ~0xFFFF).view(torch.float32).to(values.dtype)


def root(values: Tensor) -> Tensor:
    """Store the square root in bfloat16, which has the range of the moment itself."""
    return to(torch.bfloat16)(values.sqrt()).square()


CASES: dict[str, tuple[Rounding | None, Rounding | None]] = {
    "both exact": (None, None),
    "first bfloat16": (to(torch.bfloat16), None),
    "first float16": (to(torch.float16), None),
    "second bfloat16": (None, to(torch.bfloat16)),
    "second float16": (None, to(torch.float16)),
    "second √ bfloat16": (None, root),
    "second stochastic": (None, stochastic),
    "both bfloat16": (to(torch.bfloat16), to(torch.bfloat16)),
    "both stochastic": (stochastic, stochastic),
}


def losses(steps: int, first: Rounding | None, second: Rounding | None) -> Tensor:
    """Return the mean loss over the last tenth of the steps, (P,)."""
    torch.manual_seed(0)
    task = Quadratic([Generator().manual_seed(seed) for seed in SEEDS], torch.float64, {})
    x = task.initial_point()
    values = {name: x.new_full((len(x),), value) for name, value in TUNED.items()}
    optimizer = Lodo(x, values, [Generator().manual_seed(100 + seed) for seed in SEEDS], {})
    moments: Any = optimizer.meta_optimizer
    total = x.new_zeros(len(x))
    for step in range(steps):
        task.next_batch()
        loss, gradient = task.loss_and_gradient(x)
        if step >= steps - steps // 10:
            total += loss
        optimizer.step(gradient, None)  # type: ignore[arg-type]
        for moment, rounding in ((moments.first, first), (moments.second, second)):
            if rounding is not None:
                moment.copy_(rounding(moment))
    return total / (steps // 10)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    torch.set_num_threads(1)
    print(f"loss after {steps:,} steps, mean and standard deviation over {len(SEEDS)} seeds; 7.41 is the bound")
    for name, (first, second) in CASES.items():
        result = losses(steps, first, second)
        print(f"{name:20s} {result.mean():8.3f} ± {result.std():.3f}", flush=True)


if __name__ == "__main__":
    main()
