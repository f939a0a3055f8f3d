"""The report as an HTML page: what of the database goes into it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lodo_bench import __version__
from lodo_bench.charts.groups import result_groups
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.report.html.page import Task, about_text, render
from lodo_bench.report.layout import build_section

if TYPE_CHECKING:
    from lodo_bench.report.formats import ReportData
    from lodo_bench.spec.options import Kind
    from lodo_bench.spec.study import StudyRecord


def page(material: ReportData) -> str:
    """The page of all tasks that were compared, and of those that have searches only."""
    run_sets, studies = material.store.run_sets(material.task), material.store.studies(material.task)
    tasks = [comparison.task for comparison, _ in material.reports]
    for study in studies:
        if study.spec.task not in tasks:
            tasks.append(study.spec.task)
    compared = dict(enumerate(material.reports))
    shown = []
    for index, task in enumerate(tasks):
        report = compared.get(index)
        searched = [study for study in studies if study.spec.task == task]
        shown.append(
            Task(
                title=task.label,
                section=None if report is None else build_section(*report),
                lines=result_groups(run_set for run_set in run_sets if run_set.spec.task == task),
                bound=None if report is None else report[0].bound,
                studies=searched,
                kinds=_kinds(searched),
            )
        )
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return render(shown, material.store, about_text(made, f"lodo-bench {__version__}", shown))


def _kinds(studies: Sequence[StudyRecord]) -> dict[str, dict[str, Kind]]:
    names = {study.spec.optimizer.name for study in studies}
    return {name: {p.name: p.kind for p in OPTIMIZERS.load(name).hyperparameters} for name in names}
