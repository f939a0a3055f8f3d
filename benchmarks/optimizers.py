"""How fast every optimizer steps on the noisy quadratic (LODO §5.1), and how much of a step is the task's.

Each optimizer is trained on one core, in float64, alone and as a population of 32, in turns over several repetitions;
the medians are printed. The task's share is what a step takes with an optimizer that does nothing.

    python benchmarks/optimizers.py --steps 500
"""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from statistics import median

import torch

from lodo_bench import seeding
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.results.published import published_hyperparameters
from lodo_bench.spec import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.timing import Stopwatch
from lodo_bench.training import train

TASK = TaskSpec("quadratic")
POPULATIONS = (1, 32)


def spec(optimizer: str, population: int, steps: int) -> TrainingSpec:
    """Final runs at the paper's hyperparameters where they are known, else at the defaults."""
    defaults = {p.name: p.start for p in OPTIMIZERS.load(optimizer).hyperparameters}
    values = published_hyperparameters(TASK, OptimizerSpec(optimizer)) or defaults
    individuals = tuple(Individual((seed,), values) for seed in range(population))
    return TrainingSpec(TASK, OptimizerSpec(optimizer), "tuning", individuals, steps)


def step_seconds(optimizer: str, population: int, steps: int) -> float:
    """Training time of one step of the whole population; of fewer steps if all diverge."""
    curve = max((outcome.curve for outcome in train(spec(optimizer, population, steps))), key=lambda c: len(c.losses))
    return curve.seconds / int(curve.clock_steps[-1])


def task_seconds(population: int, steps: int) -> float:
    """Time of one evaluation of the task alone."""
    generators = seeding.task_generators(spec("adam", population, steps))
    task = TASKS.load(TASK.name)(generators, torch.float64, TASK.options)
    x, watch = task.initial_point(), Stopwatch("cpu")
    for clock in (nullcontext(), watch):  # the first time to warm up
        with clock:
            for _ in range(steps):
                task.next_batch()
                task.loss_and_gradient(x)
    return watch.seconds / steps


def measure(names: Sequence[str], steps: int, repetitions: int) -> dict[tuple[str, int], list[float]]:
    """Seconds of a step by optimizer and population, those of the task alone under an empty name."""
    found: dict[tuple[str, int], list[float]] = {(name, p): [] for name in ("", *names) for p in POPULATIONS}
    for _ in range(repetitions):
        for (name, population), seconds in found.items():
            seconds.append(step_seconds(name, population, steps) if name else task_seconds(population, steps))
    return found


def table(names: Sequence[str], found: dict[tuple[str, int], list[float]]) -> str:
    """A markdown table of the medians."""
    lines = [
        "| optimizer | complexity | P | individual steps/s | µs a step | task µs | optimizer µs |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name in names:
        for population in POPULATIONS:
            whole, task = median(found[name, population]) * 1e6, median(found["", population]) * 1e6
            lines.append(
                f"| {name} | {OPTIMIZERS.load(name).complexity} | {population} | {population / whole * 1e6:,.0f} "
                f"| {whole:,.0f} | {task:,.0f} | {whole - task:,.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500, help="steps of a training (default %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="turns of each (default %(default)s)")
    parser.add_argument("--optimizer", action="append", choices=OPTIMIZERS.names, help="repeat; all by default")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = arguments.optimizer or OPTIMIZERS.names
    print(f"Noisy quadratic, n = 100, float64, one core, PyTorch {torch.__version__}; ", end="")
    print(f"median of {arguments.repetitions} trainings of {arguments.steps} steps.\n")
    print(table(names, measure(names, arguments.steps, arguments.repetitions)))


if __name__ == "__main__":
    main()
