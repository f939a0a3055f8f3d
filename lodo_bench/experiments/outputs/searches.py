"""What there is to see of the tuning: schedules, how searches went, and the values found (LODO Tables 5, 6)."""

from __future__ import annotations

from collections.abc import Iterable

from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.experiments.plan import study_spec
from lodo_bench.experiments.run import CaseResult, ExperimentResult
from lodo_bench.experiments.section import Section, drawn
from lodo_bench.figures import kinds as pictures
from lodo_bench.report.markdown import NOTHING, hyperparameter_label, number, table
from lodo_bench.spec.options import format_value
from lodo_bench.spec.training import TaskSpec


def schedules(done: ExperimentResult) -> list[Section]:
    """σ and steps of each generation, task by task (LODO Table 5)."""
    parts = done.experiment.parts
    searches = [part.schedules["genetic"] for part in parts]
    rows = []
    for index in range(max(len(search.generations) for search in searches)):
        plans = [search.generations[index : index + 1] for search in searches]
        rows.append(
            [str(index), *(f"{format_value(plan[0].sigma)} / {plan[0].steps}" if plan else NOTHING for plan in plans)]
        )
    rows.append(["individuals", *(str(search.population) for search in searches)])
    headers = ["generation", *(part.task.label for part in parts)]
    text = f"{table(headers, rows)}\n\n- σ of the normal distribution around the mean, in the rescaled space, / steps."
    return [Section(text)]


def search(done: ExperimentResult) -> list[Section]:
    """How each hyperparameter's mean and spread moved, every individual a dot."""
    studies = [study for study in done.studies if study.generations and study.generations[0].mean]
    found = []
    for task in _tasks(done.results):
        own = [study for study in studies if study.spec.task == task]
        if own:
            caption = f"How the searches on {task.label} went: a dot is an individual, the band one σ around the mean."
            found.append(
                Section(picture=drawn(pictures.searches(task, own).figure), name=f"search-{task.name}", caption=caption)
            )
    return found


def hyperparameters(done: ExperimentResult) -> list[Section]:
    """The values found beside the paper's (LODO Table 6)."""
    tasks = _tasks(done.results)
    found = {(r.case.base.label, r.case.part.task.label): r for r in done.results}
    headers = ["optimizer", "hyperparameter", *(title for task in tasks for title in (task.label, "paper"))]
    rows = []
    names = [(r.case.base.label, name) for r in done.results for name in r.hyperparameters.values]
    for label, name in dict.fromkeys(names):
        cells = [label, name]
        for task in tasks:
            result = found.get((label, task.label))
            published = published_hyperparameters(task, result.case.base) if result else None
            cells.append(number(result.hyperparameters.values[name] if result else None, 5))
            cells.append(number((published or {}).get(name), 5))
        rows.append(cells)
    return [Section("\n\n".join([table(headers, rows, left=2), "\n".join(_sources(done))]))]


def _tasks(results: Iterable[CaseResult]) -> list[TaskSpec]:
    found: list[TaskSpec] = []
    for result in results:
        if result.case.part.task not in found:
            found.append(result.case.part.task)
    return found


def _sources(done: ExperimentResult) -> list[str]:
    lines = []
    for task in _tasks(done.results):
        own = [result for result in done.results if result.case.part.task == task]
        told = ", ".join(f"{r.case.base.label} {hyperparameter_label(r.hyperparameters)}" for r in own)
        schedules = {study_spec(r.case, done.execution).schedule.name for r in own if r.case.is_tuned}
        lines.append(f"- {task.label}: {told}; schedule {', '.join(sorted(schedules)) or NOTHING}.")
    return lines
