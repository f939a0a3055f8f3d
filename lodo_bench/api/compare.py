"""Comparisons of stored final runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lodo_bench.analysis.comparison import Comparison
from lodo_bench.api.reading import open_results
from lodo_bench.api.requests import DEFAULT_DATABASE
from lodo_bench.errors import DatabaseNotFoundError
from lodo_bench.figures.comparisons import load_report_data
from lodo_bench.report.data import ReportData
from lodo_bench.spec.selection import ReportRequest, Selection

if TYPE_CHECKING:
    from lodo_bench.tasks.base import Task


def compare(
    task: str | type[Task] | None = None, *, baseline: str | None = None, db: str = DEFAULT_DATABASE
) -> list[Comparison]:
    """Compare all final runs in a database: means, significance, published values, cost.

    Args:
        task: a task's name, a path `package.module:Class` or a class; None compares the runs of every task.
        baseline: an optimizer's name; compares each other with it alone, without correction for the number of others.
            By default, each is compared with all others.
        db: results database, a file or an SQLAlchemy URL.

    Returns:
        One comparison for each task and its options, in the order in which they were first run.

    Warns:
        UserWarning: if damaged rows of the database were left out, or it was upgraded.

    Raises:
        UsageError: if the task or the baseline is unknown.
        DatabaseError: if there is no such database.
    """
    request = ReportRequest(Selection(_task_name(task)), baseline=baseline)
    notices: list[str] = []
    data = load_report(request, (db,), notices.append)
    for notice in notices:
        warnings.warn(notice, stacklevel=2)
    return [comparison for comparison, _ in data.comparisons]


def load_report(
    request: ReportRequest, dbs: Sequence[str], on_notice: Callable[[str], None] = lambda _: None
) -> ReportData:
    """Compare stored final runs for a report.

    Args:
        request: the runs, and how to compare them.
        dbs: results databases, files or SQLAlchemy URLs.
        on_notice: called with a message if a database is upgraded, and with the numbering of several.

    Raises:
        UsageError: as `compare`.
    """
    try:
        results = open_results(dbs, on_notice)
    except DatabaseNotFoundError:
        if request.selection.task is not None:
            from lodo_bench.tasks import TASKS  # imports PyTorch

            TASKS.check(request.selection.task)  # a wrong name is the nearer mistake
        raise
    return load_report_data(results, request)


def _task_name(task: str | type[Task] | None) -> str | None:
    if task is None or isinstance(task, str):
        return task
    from lodo_bench.tasks import TASKS

    return TASKS.name_of(task)
