"""Tables and figures of the tuning: schedules, searches and the values found (LODO Tables 5, 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from lodo_bench.analysis.edges import Edges, edges_of_runs
from lodo_bench.analysis.published import published_hyperparameters
from lodo_bench.experiments.outputs.figure_section import figure_section
from lodo_bench.experiments.result import ConditionResult, ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.figures import kinds as figures
from lodo_bench.report.formatting import NOTHING, edge_notes, number, tuned_cell
from lodo_bench.report.markdown import table
from lodo_bench.spec.options import format_value
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import OptimizerSpec, TaskSpec


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
            first = _first_searches(own)
            drawn = figures.searches(task, first)
            caption = (
                f"Searches on {task.label}: the dots are individuals, the bands one σ around the mean. {drawn.caption}"
            )
            if len(own) > len(first):
                caption = f"{caption} Of several searches of an optimizer the first is shown."
            found.append(figure_section(drawn.figure, f"search-{task.name}", caption))
    return found


def _first_searches(studies: Iterable[StudyRecord]) -> list[StudyRecord]:
    found: dict[str, StudyRecord] = {}
    for study in studies:
        found.setdefault(study.spec.optimizer.label, study)
    return list(found.values())


def hyperparameters(result: ExperimentResult) -> list[Section]:
    """Tabulate the tuned and the paper's values (LODO Table 6)."""
    tasks = _tasks(result.results)
    found = {(r.condition.base.label, r.condition.part.task.label): r for r in result.results}
    headers = ["optimizer", "hyperparameter", *(title for task in tasks for title in (task.label, "paper"))]
    names = [(r.condition.base.label, name) for r in result.results for name in r.hyperparameters[0].values]
    rows = [
        [label, name, *(cell for task in tasks for cell in _cells(found.get((label, task.label)), result, task, name))]
        for label, name in dict.fromkeys(names)
    ]
    used = {values.study_id for each in result.results for values in each.hyperparameters}
    studies = [study for study in result.studies if study.id in used]
    notes = dict.fromkeys(edge_notes((study.spec.optimizer, study.hyperparameters) for study in studies))
    lines = [*_sources(result, tasks), *(f"- {note}" for note in notes)]
    return [Section("\n\n".join([table(headers, rows, left=2), "\n".join(lines)]))]


def _cells(found: ConditionResult | None, result: ExperimentResult, task: TaskSpec, name: str) -> list[str]:
    """Return the value of a hyperparameter, or the median and range of several searches, and the published one."""
    if found is None:
        return [NOTHING, NOTHING]
    base = found.condition.base
    published = published_hyperparameters(task, base) or {}
    own = [(values, _edges(base, values, result.studies)) for values in found.hyperparameters]
    if len(own) == 1:
        ((values, edges),) = own
        return [tuned_cell(values.values[name], edges, name, 5), number(published.get(name), 5)]
    numbers = [values.values[name] for values, _ in own]
    edges = {edge: bounds for _, found_edges in own for edge, bounds in found_edges.items()}
    low, high = number(min(numbers), 3), number(max(numbers), 3)
    return [f"{tuned_cell(median(numbers), edges, name, 3)} [{low}, {high}]", number(published.get(name), 5)]


def _edges(optimizer: OptimizerSpec, values: Hyperparameters, studies: Iterable[StudyRecord]) -> Edges:
    study = next((study for study in studies if study.id == values.study_id), None)
    return edges_of_runs(optimizer, values, None if study is None else study.summary)


def _tasks(results: Iterable[ConditionResult]) -> list[TaskSpec]:
    found: list[TaskSpec] = []
    for result in results:
        if result.condition.part.task not in found:
            found.append(result.condition.part.task)
    return found


def _sources(result: ExperimentResult, tasks: Iterable[TaskSpec]) -> Iterator[str]:
    for task in tasks:
        own = [each for each in result.results if each.condition.part.task == task]
        labels = ", ".join(f"{each.condition.base.label} {_labels(each.hyperparameters)}" for each in own)
        specs = [spec for each in own for spec in result.plan.studies_of(each.condition, result.plan.studies)]
        schedules = {spec.schedule.name for spec in specs}
        several = " Median [range] over the searches." if any(len(each.hyperparameters) > 1 for each in own) else ""
        yield f"- {task.label}: {labels}; schedule {', '.join(sorted(schedules)) or NOTHING}.{several}"


def _labels(found: Iterable[Hyperparameters]) -> str:
    return " and ".join(dict.fromkeys(values.label for values in found))
