"""Training speed of LODO and Adam on the noisy quadratic (LODO §5.1), beside plain PyTorch loops of the same methods.

The plain loops follow the paper directly: autograd for all gradients, torch.optim.Adam, one problem at a
time. All contestants run on one core, in float64, in turns over several repetitions; the medians are printed.

    python benchmarks/quadratic.py --steps 2000
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.training.loop import train

DIMENSION = 100
LAYERS, BLOCK_SIZE = 16, 4
WARM_UP_STEPS = 20
# The paper's tuned values (LODO Table 6).
TUNED = {
    "lodo": {"meta_learning_rate": 0.00096, "momentum": 0.195, "initial_learning_rate": 0.270},
    "adam": {"learning_rate": 1.164, "beta1": 0.465, "beta2": 0.9884},
}


class PlainQuadratic:
    """Noisy quadratic for one vector: the noise is drawn at every step, the loss is 0.5 dᵀ H d."""

    def __init__(self) -> None:
        rotation, _ = torch.linalg.qr(torch.randn(DIMENSION, DIMENSION))
        self.hessian = rotation @ torch.diag(torch.logspace(-3, 0, DIMENSION)) @ rotation.T
        self.center = torch.zeros(DIMENSION)

    def next_loss(self, x: Tensor) -> Tensor:
        """Move the center and evaluate the loss at `x`."""
        self.center = self.center + torch.randn(DIMENSION)
        d = x - self.center
        return 0.5 * d @ self.hessian @ d


class PlainPreconditioner(nn.Module):
    """LODO's G(θ) (LODO §3, eq. 2) with padding, indexing and batched products, differentiable by autograd."""

    def __init__(self, initial_rate: float) -> None:
        super().__init__()
        hidden = 2 * DIMENSION
        self.initial_rate, self.hidden, self.blocks = initial_rate, hidden, hidden // BLOCK_SIZE
        gaussian = torch.randn(LAYERS, self.blocks, BLOCK_SIZE, BLOCK_SIZE)
        self.weights = nn.Parameter(torch.linalg.qr(gaussian)[0])
        self.permutations = [torch.randperm(hidden) for _ in range(LAYERS)]
        self.inverses = [torch.argsort(permutation) for permutation in self.permutations]

    def forward(self, vector: Tensor) -> Tensor:
        """Return G(θ) times `vector`."""
        blocks = self.weights.unbind(0)
        signal = nn.functional.pad(vector, (0, self.hidden - DIMENSION))
        for block, permutation in zip(blocks, self.permutations, strict=True):
            signal = torch.bmm(block, signal[permutation].view(self.blocks, BLOCK_SIZE, 1)).view(-1)
        for block, inverse in zip(reversed(blocks), reversed(self.inverses), strict=True):
            signal = torch.bmm(block.mT, signal.view(self.blocks, BLOCK_SIZE, 1)).view(-1)[inverse]
        return self.initial_rate * signal[:DIMENSION]


def plain_lodo() -> Callable[[int], list[float]]:
    """Return a function that continues LODO training for a number of steps and returns their losses."""
    values = TUNED["lodo"]
    task, net = PlainQuadratic(), PlainPreconditioner(values["initial_learning_rate"])
    optimizer = torch.optim.Adam(net.parameters(), lr=values["meta_learning_rate"], eps=1e-7)
    x, average = torch.zeros(DIMENSION), torch.zeros(DIMENSION)

    def advance(steps: int) -> list[float]:
        nonlocal x, average
        losses = []
        for _ in range(steps):
            moved = x - net(average)
            moved.retain_grad()
            loss = task.next_loss(moved)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average = values["momentum"] * average + (1 - values["momentum"]) * moved.grad
            x = moved.detach()
            losses.append(loss.item())
        return losses

    return advance


def plain_adam() -> Callable[[int], list[float]]:
    """Return a function that continues Adam training for a number of steps and returns their losses."""
    values = TUNED["adam"]
    task, x = PlainQuadratic(), torch.zeros(DIMENSION, requires_grad=True)
    optimizer = torch.optim.Adam([x], lr=values["learning_rate"], betas=(values["beta1"], values["beta2"]), eps=1e-7)

    def advance(steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            loss = task.next_loss(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return advance


def plain_speed(method: str, steps: int) -> float:
    """Return the steps per second of a plain loop, without setup and warm-up."""
    advance = {"lodo": plain_lodo, "adam": plain_adam}[method]()
    advance(WARM_UP_STEPS)
    started = time.perf_counter()
    advance(steps)
    return steps / (time.perf_counter() - started)


def our_speed(method: str, population: int, steps: int) -> float:
    """Return the individual steps per second of lodo-bench on its training clock, which excludes the same."""
    individuals = tuple(Individual((seed,), TUNED[method]) for seed in range(population))
    spec = TrainingSpec(TaskSpec("quadratic"), OptimizerSpec(method), "tuning", individuals, steps)
    return population * steps / train(spec)[0].curve.seconds


def measure(steps: int, repetitions: int) -> dict[tuple[str, int], list[float]]:
    """Measure speeds by method and population, 0 for the plain loop, alternating between contestants."""
    speeds: dict[tuple[str, int], list[float]] = {(m, p): [] for m in TUNED for p in (0, 1, 32)}
    for _ in range(repetitions):
        for (method, population), found in speeds.items():
            speed = our_speed(method, population, steps) if population else plain_speed(method, steps)
            found.append(speed)
    return speeds


def table(speeds: dict[tuple[str, int], list[float]]) -> str:
    """Return a Markdown table of the median speeds."""
    lines = [
        "| contestant | P | individual steps/s | ratio to the plain loop |",
        "|---|---:|---:|---:|",
    ]
    for (method, population), found in speeds.items():
        name = f"{method}, lodo-bench" if population else f"{method}, plain PyTorch loop"
        ratio = median(found) / median(speeds[method, 0])
        lines.append(f"| {name} | {population or 1} | {median(found):,.0f} | {ratio:.2f} |")
    return "\n".join(lines)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or greater")
    return value


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=positive, default=1000, help="steps of a training (default %(default)s)")
    parser.add_argument("--repetitions", type=positive, default=5, help="turns of each (default %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    print(
        f"Noisy quadratic, n = {DIMENSION}, float64, one core, PyTorch {torch.__version__}; "
        f"median of {arguments.repetitions} trainings of {arguments.steps} steps.\n"
    )
    print(table(measure(arguments.steps, arguments.repetitions)))


if __name__ == "__main__":
    main()
