"""The content of the HTML page, task by task."""

from __future__ import annotations

from datetime import UTC, datetime

from lodo_bench import __version__
from lodo_bench.charts.groups import result_groups
from lodo_bench.report.data import ReportData
from lodo_bench.report.html.extent import drawn_groups, drawn_searches, searches_note
from lodo_bench.report.html.page import TaskReport, about_text, render
from lodo_bench.report.section import build_section
from lodo_bench.spec.training import TaskSpec


def page(data: ReportData, version: str = "") -> str:
    """Render the page: the tasks that were compared, then those that only have studies.

    Args:
        data: the content.
        version: as in `render`; empty for a page that does not change.
    """
    tasks = [comparison.task for comparison, _ in data.comparisons]
    compared, known = len(tasks), {task.key for task in tasks}
    for study in data.studies:
        if study.spec.task.key not in known:
            tasks.append(study.spec.task)
            known.add(study.spec.task.key)
    drawn = drawn_searches(data.studies)
    reports = [_task_report(task, data, drawn, compared) for task in tasks]
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return render(
        reports, data.curves, about_text(created, f"lodo-bench {__version__}", reports), version, data.damaged
    )


def _task_report(task: TaskSpec, data: ReportData, drawn: set[int], compared: int) -> TaskReport:
    """Return the content for one of `compared` tasks, or one that only has studies; `drawn` are studies."""
    own = [study for study in data.studies if study.spec.task.key == task.key]
    shown = [study for study in own if study.id in drawn]
    groups = result_groups([run_set for run_set in data.run_sets if run_set.spec.task.key == task.key], own)
    found = next((found for found in data.comparisons if found[0].task == task), None)
    return TaskReport(
        title=task.label,
        section=None if found is None else build_section(*found),
        groups=groups,
        drawn=drawn_groups(groups, max(compared, 1)),
        bound=None if found is None else found[0].bound,
        num_searches=len(own),
        load_studies=lambda: (data.load_study(study.id) for study in shown),
        searches_note=searches_note(own, drawn),
        kinds_of=data.kinds_of,
    )
