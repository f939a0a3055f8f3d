"""The content of the HTML page, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from lodo_bench import __version__
from lodo_bench.charts.groups import result_groups
from lodo_bench.report.data import ReportData
from lodo_bench.report.html.page import TaskReport, about_text, render
from lodo_bench.report.section import build_section
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import TaskSpec


def page(data: ReportData, version: str = "") -> str:
    """Render the page: the tasks that were compared, then those that only have studies.

    Args:
        data: the content.
        version: as in `render`; empty for a page that does not change.
    """
    tasks = [comparison.task for comparison, _ in data.comparisons]
    studies = data.load_studies()
    for study in studies:
        if study.spec.task.key not in [task.key for task in tasks]:
            tasks.append(study.spec.task)
    reports = [_task_report(task, data, studies) for task in tasks]
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return render(reports, data.curves, about_text(created, f"lodo-bench {__version__}", reports), version)


def _task_report(task: TaskSpec, data: ReportData, studies: Sequence[StudyRecord]) -> TaskReport:
    own = [study for study in studies if study.spec.task.key == task.key]
    found = next((found for found in data.comparisons if found[0].task == task), None)
    return TaskReport(
        title=task.label,
        section=None if found is None else build_section(*found),
        groups=result_groups(
            [run_set for run_set in data.run_sets if run_set.spec.task.key == task.key],
            [study.summary for study in own],
        ),
        bound=None if found is None else found[0].bound,
        studies=own,
        kinds=[data.kinds_of(study.spec.optimizer) for study in own],
    )
