"""Speed of every optimizer on the noisy quadratic (LODO §5.1), and the task's share of each step.

Each optimizer is trained on one core, in float64, alone and as a population of 32, in turns over several repetitions;
the medians are printed. The task's share is the time of a step with an optimizer that does nothing, in a compiled loop
if optimizer and task are compiled into one.

    python benchmarks/optimizers.py --steps 500
"""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from statistics import median

import numba
import torch
from torch import Tensor

from lodo_bench import seeding
from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.backends.compiled_loop import CompiledLoop, CompiledStep, compiled_loop
from lodo_bench.backends.numba.quadratic import quadratic_batches
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.build import build_optimizer
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec, TrainingSpec
from lodo_bench.tasks.build import build_task
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.training.loop import train
from lodo_bench.training.stopwatch import Stopwatch

TASK = TaskSpec("quadratic")
POPULATIONS = (1, 32)


def spec(optimizer: str, population: int, steps: int) -> TrainingSpec:
    """Return the spec of final runs with the paper's hyperparameters if known, else with the defaults."""
    defaults = {p.name: p.initial for p in OPTIMIZERS.load(optimizer).hyperparameters}
    values = published_hyperparameters(TASK, OptimizerSpec(optimizer)) or defaults
    individuals = tuple(Individual((seed,), values) for seed in range(population))
    return TrainingSpec(TASK, OptimizerSpec(optimizer), "tuning", individuals, steps)


def step_seconds(optimizer: str, population: int, steps: int) -> float:
    """Return the training time of one step of the whole population."""
    curve = max((outcome.curve for outcome in train(spec(optimizer, population, steps))), key=lambda c: len(c.losses))
    return curve.seconds / int(curve.clock_steps[-1])


@numba.njit(cache=True)
def idle(data, p, k, gradient, x):
    """Do nothing: the update of an empty optimizer, as a `CompiledStep`."""


def is_compiled(optimizer: str) -> bool:
    """Return True if its steps are compiled into one loop with the task's."""
    training = spec(optimizer, 1, 1)
    task = build_task(training)
    return compiled_loop(task, build_optimizer(training, task.initial_point())) is not None


def evaluate(task: Quadratic, x: Tensor, steps: int, compiled: bool) -> None:
    """Evaluate the task as the training loop does."""
    if compiled:
        CompiledLoop(quadratic_batches(task), lambda count: CompiledStep(idle, ()), x).run(steps)
        return
    for _ in range(steps):
        task.next_batch()
        task.loss_and_gradient(x)


def task_seconds(population: int, steps: int, compiled: bool) -> float:
    """Return the time of one evaluation of the task alone."""
    generators = seeding.task_generators(spec("adam", population, steps))
    task = Quadratic(generators, torch.float64, TASK.options)
    x, watch = task.initial_point(), Stopwatch("cpu")
    for clock in (nullcontext(), watch):  # the first time to warm up
        with clock:
            evaluate(task, x, steps, compiled)
    return watch.seconds / steps


def measure(names: Sequence[str], steps: int, repetitions: int) -> dict[tuple[str | bool, int], list[float]]:
    """Return seconds per step by optimizer and population, and of the task alone by compilation."""
    found: dict[tuple[str | bool, int], list[float]] = {
        (contestant, population): [] for contestant in (False, True, *names) for population in POPULATIONS
    }
    for _ in range(repetitions):
        for (contestant, population), seconds in found.items():
            if isinstance(contestant, bool):
                seconds.append(task_seconds(population, steps, contestant))
            else:
                seconds.append(step_seconds(contestant, population, steps))
    return found


def table(names: Sequence[str], found: dict[tuple[str | bool, int], list[float]]) -> str:
    """Return a Markdown table of the medians."""
    lines = [
        "| optimizer | complexity | in one loop | P | individual steps/s | µs a step | task µs | optimizer µs |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for name in names:
        compiled = is_compiled(name)
        for population in POPULATIONS:
            whole, task = (median(found[key, population]) * 1e6 for key in (name, compiled))
            lines.append(
                f"| {name} | {OPTIMIZERS.load(name).complexity} | {'yes' if compiled else 'no'} | {population} "
                f"| {population / whole * 1e6:,.0f} | {whole:,.1f} | {task:,.1f} | {whole - task:,.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure and print the table."""
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
