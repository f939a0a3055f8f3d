"""Loss of the drop-in LODO when the weights of its `light` preset are stored in lower precision.

The weights are 64 of the preset's 68 bytes for each parameter. A network classifies handwritten digits (the default
network of the task `mlp`) with weights that are rounded to nearest after every step, or stochastically, as
`preconditioner_dtype="bfloat16"` does. Printed is the mean loss over the last tenth of the steps, with LODO's defaults.

    python benchmarks/weight_precision.py [steps]
"""

from __future__ import annotations

import sys
from statistics import mean, stdev

import torch
import torch.nn.functional as F
from moment_precision import Rounding, to

import lodo_bench
from lodo_bench.optimizers.lodo.drop_in.structure import DtypeName
from lodo_bench.tasks.data.bundled import load_digits
from lodo_bench.tasks.mlp import Mlp

SEEDS = range(5)
BATCH_SIZE = 64
NETWORK = {"width": 64, "depth": 2, "activation": "relu"}
TO_NEAREST: dict[str, Rounding] = {
    "float16": to(torch.float16),
    "bfloat16": to(torch.bfloat16),
}


def loss(seed: int, steps: int, dtype: DtypeName = "same", rounding: Rounding | None = None) -> float:
    """Return the mean loss over the last tenth of the steps."""
    torch.manual_seed(seed)
    network = Mlp.build_module(NETWORK)
    optimizer = lodo_bench.LODO(network.parameters(), seed=seed, preconditioner_dtype=dtype)
    images, classes = load_digits().part("training")
    images, total = images.float(), 0.0
    for step in range(steps):
        chosen = torch.randint(len(classes), (BATCH_SIZE,))
        found = F.cross_entropy(network(images[chosen]), classes[chosen].long())
        if step >= steps - steps // 10:
            total += found.item()
        optimizer.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if rounding is not None:
            for state in optimizer.state.values():
                state["weights"].copy_(rounding(state["weights"]))
    return total / (steps // 10)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    torch.set_num_threads(1)
    print(f"loss after {steps:,} steps, mean and standard deviation over {len(SEEDS)} seeds")
    show("exact", [loss(seed, steps) for seed in SEEDS])
    for name, rounding in TO_NEAREST.items():
        show(name, [loss(seed, steps, rounding=rounding) for seed in SEEDS])
    show("bfloat16, stochastic", [loss(seed, steps, "bfloat16") for seed in SEEDS])


def show(name: str, found: list[float]) -> None:
    print(f"{name:20s} {mean(found):10.3g} ± {stdev(found):.1g}", flush=True)


if __name__ == "__main__":
    main()
