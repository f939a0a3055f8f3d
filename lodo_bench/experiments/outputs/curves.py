"""Learning curves, Hessian errors and trajectories of each task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lodo_bench.charts.groups import ResultGroup, result_groups
from lodo_bench.charts.visible import EmptyChartError
from lodo_bench.experiments.outputs.comparison import tasks_of
from lodo_bench.experiments.outputs.figure_section import figure_section
from lodo_bench.experiments.result import ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.figures import kinds as figures
from lodo_bench.figures.kinds import ResultFigure
from lodo_bench.results.store import Store
from lodo_bench.spec.training import TaskSpec


def curves(result: ExperimentResult) -> list[Section]:
    """Plot learning curves by steps and by time (LODO Fig. 2, 4, 6)."""
    return _sections(result, figures.learning_curves, "curves", "Learning curves on {task}. {caption}")


def hessian_error(result: ExperimentResult) -> list[Section]:
    """Plot the distance of the preconditioners from the inverse Hessian (LODO Fig. 2)."""
    text = "Distance of the preconditioner G from the inverse of the Hessian H, measured every 100 steps. {caption}"
    return _sections(result, figures.hessian_errors, "hessian-error", text)


def trajectories(result: ExperimentResult) -> list[Section]:
    """Plot the paths of the first seeds over the contours of a task with two parameters (LODO Fig. 3, 11)."""
    text = "Trajectories of the optimizers on {task}, from the circle to the dot; the star is the minimum. {caption}"
    return _sections(result, figures.trajectories, "trajectories", text)


def _sections(
    result: ExperimentResult,
    draw: Callable[[TaskSpec, Sequence[ResultGroup], Store], ResultFigure],
    name: str,
    text: str,
) -> list[Section]:
    """Return a figure for each task, or a sentence where it would be empty."""
    sections = []
    for task, lines, suffix in _by_task(result):
        try:
            found = draw(task, lines, result.store)
        except EmptyChartError as error:
            sections.append(Section(text=f"*{name}: {error}*"))
            continue
        caption = text.format(task=task.label, caption=found.caption)
        sections.append(figure_section(found.figure, name=f"{name}{suffix}", caption=caption))
    return sections


def _by_task(result: ExperimentResult) -> Iterator[tuple[TaskSpec, list[ResultGroup], str]]:
    """Yield each task, its lines, and the suffix of the names of its files."""
    tasks = tasks_of(result.run_sets)
    for index, task in enumerate(tasks):
        lines = result_groups(
            [record for record in result.run_sets if record.spec.task == task],
            [study.summary for study in result.studies],
        )
        yield task, lines, f"-{index + 1}" if len(tasks) > 1 else ""
