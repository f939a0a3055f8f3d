"""The cost of adapted optimizers: their steps against a plain PyTorch loop with the same optimizer.

    python benchmarks/adapter.py

Both take turns on the same task in this process, on one thread; the median of the ratios of adjacent rounds is printed.
The plain loop asks the task for loss and gradient in the same way, so that only the adapter makes the difference.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from lodo_bench.optimizers import load_optimizer, optimizer_spec
from lodo_bench.optimizers.adapted.adapter import AdaptedOptimizer
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.tensors import Problem
from lodo_bench.spec.training import Individual, TrainingSpec
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tasks.build import build_task
from lodo_bench.training.trainer import Trainer

STEPS = {"quadratic": 1000, "mlp": 100, "char-transformer": 10}
OPTIMIZERS = ("torch.optim.SGD", "torch.optim.AdamW", "pytorch_optimizer.Lion", "pytorch_optimizer.SOAP")


def specification(task: str, optimizer: str) -> TrainingSpec:
    """Return a training of one individual at the default hyperparameters."""
    spec = optimizer_spec(optimizer, {})
    values = {h.name: h.initial for h in load_optimizer(spec).hyperparameters}
    compute = ComputeSpec("cpu", TASKS.load(task).default_dtype, "torch")
    return TrainingSpec(task_spec(task, {}), spec, "tuning", (Individual((0, 0, 0), values),), 10_000, compute=compute)


def plain_loop(spec: TrainingSpec) -> Callable[[int], object]:
    """Return a function that takes a number of steps, as anybody would write them."""
    task, kind = build_task(spec), load_optimizer(spec.optimizer)
    x = task.initial_point()
    sizes = [tensor.size for tensor in task.tensors]
    shapes = [tensor.shape for tensor in task.tensors]
    views = [part.view(shape) for part, shape in zip(x[0].split(sizes), shapes, strict=True)]
    parameters = [torch.nn.Parameter(view) for view in views]
    assert issubclass(kind, AdaptedOptimizer)
    fixed = kind.fixed_arguments(Problem(task.tensors, spec.steps))
    optimizer = kind.torch_class(parameters, lr=spec.individuals[0].hyperparameters["lr"], **fixed)

    def run(count: int) -> list[torch.Tensor]:
        losses = []
        for _ in range(count):
            task.next_batch()
            loss, gradient = task.loss_and_gradient(x)
            for parameter, part in zip(parameters, gradient[0].split(sizes), strict=True):
                parameter.grad = part.view(parameter.shape)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss)
        return losses

    return run


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=15)
    repetitions = parser.parse_args().repetitions
    torch.set_num_threads(1)
    print(f"{'task':18}{'optimizer':28}{'plain us':>10}{'adapted us':>12}{'ratio':>8}")
    for task, steps in STEPS.items():
        for optimizer in OPTIMIZERS:
            spec = specification(task, optimizer)
            loops = (plain_loop(spec), Trainer.from_spec(spec).run_steps)
            taken: list[tuple[float, float]] = []
            for _ in range(repetitions + 1):
                seconds = []
                for loop in loops:
                    begun = time.perf_counter()
                    loop(steps)
                    seconds.append((time.perf_counter() - begun) / steps)
                taken.append((seconds[0], seconds[1]))
            plain, adapted = (1e6 * statistics.median(column) for column in zip(*taken[1:], strict=True))
            ratio = statistics.median(second / first for first, second in taken[1:])
            print(f"{task:18}{optimizer:28}{plain:10.0f}{adapted:12.0f}{ratio:8.2f}", flush=True)


if __name__ == "__main__":
    main()
