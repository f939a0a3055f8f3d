"""The tasks by name. To add one: write its file, and add its row here."""

from lodo_bench.registry import Registry
from lodo_bench.tasks.base import Task

TASKS: Registry[Task] = Registry(
    "task",
    {
        "quadratic": "lodo_bench.tasks.quadratic:Quadratic",
        "rosenbrock": "lodo_bench.tasks.rosenbrock:Rosenbrock",
        "mnist": "lodo_bench.tasks.mnist:Mnist",
        "cifar10": "lodo_bench.tasks.cifar10:Cifar10",
    },
)
