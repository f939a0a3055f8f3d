"""Table of the tasks by name. To add one, write its file and add its row here."""

from collections.abc import Mapping

from lodo_bench.registry import Registry
from lodo_bench.spec.options import Value, resolve
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks.base import Task

TASKS: Registry[Task] = Registry(
    "task",
    Task,
    {
        "quadratic": "lodo_bench.tasks.quadratic:Quadratic",
        "rosenbrock": "lodo_bench.tasks.rosenbrock:Rosenbrock",
        "test-functions": "lodo_bench.tasks.analytic:AnalyticFunctions",
        "deep-linear": "lodo_bench.tasks.deep_linear:DeepLinear",
        "diagnostics": "lodo_bench.tasks.diagnostics:Diagnostics",
        "mnist": "lodo_bench.tasks.mnist:Mnist",
        "cifar10": "lodo_bench.tasks.cifar10:Cifar10",
        "logistic-regression": "lodo_bench.tasks.logistic_regression:LogisticRegression",
        "mlp": "lodo_bench.tasks.mlp:Mlp",
        "mnist-classifier": "lodo_bench.tasks.mnist_classifier:MnistClassifier",
        "char-transformer": "lodo_bench.tasks.char_transformer:CharTransformer",
    },
)


def task_spec(name: str, options: Mapping[str, Value]) -> TaskSpec:
    """Return the specification of a task, with validated options.

    Options at their default are left out, so that each task has exactly one specification.

    Raises:
        UsageError: for an unknown task or option, or a value out of range.
    """
    kind = TASKS.load(name)
    given = resolve(kind.options_table, options, f"task {name}", "option")
    defaults = kind.with_defaults({})
    changed = {option: value for option, value in given.items() if value != defaults[option]}
    kind.optimal_loss(changed)  # raises if options conflict
    return TaskSpec(TASKS.check(name), changed, task_version(name, changed))


def task_version(name: str, options: Mapping[str, Value]) -> str:
    """Return the version of a task's code outside this package, and of the user's data; empty if there is neither."""
    versions = TASKS.version(name), TASKS.load(name).data_version(options)
    return ", ".join(version for version in versions if version)
