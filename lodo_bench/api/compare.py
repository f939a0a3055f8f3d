"""Comparisons of stored final runs."""

from __future__ import annotations

from lodo_bench.analysis import comparison
from lodo_bench.analysis.comparison import Comparison
from lodo_bench.api.database import open_store
from lodo_bench.api.requests import DEFAULT_DATABASE
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.results.store import Store
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task


def compare(task: str | type[Task] | None = None, *, db: str = DEFAULT_DATABASE) -> list[Comparison]:
    """Compare all final runs in a database: means, significance, published values, cost.

    Args:
        task: a task's name, a path `package.module:Class` or a class; None compares the runs of every task.
        db: results database, a file or an SQLAlchemy URL.

    Returns:
        One comparison for each task and its options, in the order in which they were first run.

    Raises:
        UsageError: if the task is unknown.
        DatabaseError: if there is no such database.
    """
    name = task if task is None or isinstance(task, str) else TASKS.name_of(task)
    if name is not None:
        TASKS.check(name)
    return compare_stored(open_store(db), name)


def compare_stored(store: Store, task: str | None) -> list[Comparison]:
    """Compare all final runs of a store, or those of one task."""
    return comparison.compare(store.run_sets(task), _bound, complexity=_complexity, studies=store.studies(task))


def _bound(task: TaskSpec) -> LossBound | None:
    return TASKS.load(task.name).optimal_loss(task.options)


def _complexity(optimizer: OptimizerSpec) -> str:
    return OPTIMIZERS.load(optimizer.name).complexity
