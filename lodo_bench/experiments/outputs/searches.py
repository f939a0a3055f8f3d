"""Tables and figures of the tuning: schedules, searches and the values found (LODO Tables 5, 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lodo_bench.analysis.edges import edges_of_runs
from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.experiments.outputs.figure_section import figure_section
from lodo_bench.experiments.result import ConditionResult, ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.figures import kinds as figures
from lodo_bench.report.formatting import NOTHING, edge_notes, number, tuned_cell
from lodo_bench.report.markdown import table
from lodo_bench.spec.options import format_value
from lodo_bench.spec.training import TaskSpec


def schedules(result: ExperimentResult) -> list[Section]:
    """Tabulate σ and steps of each generation, task by task (LODO Table 5)."""
    parts = result.experiment.parts
    searches = [part.schedules["genetic"] for part in parts]
    rows = []
    for index in range(max(len(search.generations) for search in searches)):
        plans = [search.generations[index : index + 1] for search in searches]
        rows.append(
            [str(index), *(f"{format_value(plan[0].sigma)} / {plan[0].steps}" if plan else NOTHING for plan in plans)]
        )
    rows.append(["individuals", *(str(search.population) for search in searches)])
    headers = ["generation", *(part.task.label for part in parts)]
    note = "- σ / steps; σ is the standard deviation of the search distribution in the unconstrained space."
    return [Section(f"{table(headers, rows)}\n\n{note}")]


def search(result: ExperimentResult) -> list[Section]:
    """Plot the mean and spread of each hyperparameter over the generations, and every individual."""
    studies = [study for study in result.studies if study.individuals and study.generations[0].mean]
    found = []
    for task in _tasks(result.results):
        own = [study for study in studies if study.spec.task == task]
        if own:
            drawn = figures.searches(task, own)
            caption = (
                f"Searches on {task.label}: the dots are individuals, the bands one σ around the mean. {drawn.caption}"
            )
            found.append(figure_section(drawn.figure, f"search-{task.name}", caption))
    return found


def hyperparameters(result: ExperimentResult) -> list[Section]:
    """Tabulate the tuned and the paper's values (LODO Table 6)."""
    tasks = _tasks(result.results)
    found = {(r.condition.base.label, r.condition.part.task.label): r for r in result.results}
    headers = ["optimizer", "hyperparameter", *(title for task in tasks for title in (task.label, "paper"))]
    names = [(r.condition.base.label, name) for r in result.results for name in r.hyperparameters.values]
    rows = [
        [label, name, *(cell for task in tasks for cell in _cells(found.get((label, task.label)), result, task, name))]
        for label, name in dict.fromkeys(names)
    ]
    used = {each.hyperparameters.study_id for each in result.results}
    studies = [study for study in result.studies if study.id in used]
    notes = dict.fromkeys(edge_notes((study.spec.optimizer, study.hyperparameters) for study in studies))
    lines = [*_sources(result, tasks), *(f"- {note}" for note in notes)]
    return [Section("\n\n".join([table(headers, rows, left=2), "\n".join(lines)]))]


def _cells(found: ConditionResult | None, result: ExperimentResult, task: TaskSpec, name: str) -> list[str]:
    """Return the value of a hyperparameter and the published one."""
    if found is None:
        return [NOTHING, NOTHING]
    values, base = found.hyperparameters, found.condition.base
    published = published_hyperparameters(task, base) or {}
    study = next((study for study in result.studies if study.id == values.study_id), None)
    edges = edges_of_runs(base, values, None if study is None else study.summary)
    return [tuned_cell(values.values[name], edges, name, 5), number(published.get(name), 5)]


def _tasks(results: Iterable[ConditionResult]) -> list[TaskSpec]:
    found: list[TaskSpec] = []
    for result in results:
        if result.condition.part.task not in found:
            found.append(result.condition.part.task)
    return found


def _sources(result: ExperimentResult, tasks: Iterable[TaskSpec]) -> Iterator[str]:
    for task in tasks:
        own = [each for each in result.results if each.condition.part.task == task]
        labels = ", ".join(f"{each.condition.base.label} {each.hyperparameters.label}" for each in own)
        specs = [result.plan.study_of(each.condition, result.plan.studies) for each in own]
        schedules = {spec.schedule.name for spec in specs if spec is not None}
        yield f"- {task.label}: {labels}; schedule {', '.join(sorted(schedules)) or NOTHING}."
