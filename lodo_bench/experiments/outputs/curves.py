"""Learning curves, Hessian errors and trajectories of each task."""

from __future__ import annotations

from collections.abc import Iterator

from lodo_bench.charts.groups import ResultGroup, result_groups
from lodo_bench.experiments.outputs.comparison import tasks_of
from lodo_bench.experiments.outputs.figure_section import figure_section
from lodo_bench.experiments.result import ExperimentResult
from lodo_bench.experiments.section import Section
from lodo_bench.figures import kinds as figures
from lodo_bench.spec.training import TaskSpec


def curves(result: ExperimentResult) -> list[Section]:
    """Plot learning curves by steps and by time (LODO Fig. 2, 4, 6)."""
    return [
        figure_section(
            figures.learning_curves(task, lines, result.store).figure,
            name=f"curves{suffix}",
            caption=f"Learning curves on {task.label}: the median over the seeds; the band spans all of them.",
        )
        for task, lines, suffix in _by_task(result)
    ]


def hessian_error(result: ExperimentResult) -> list[Section]:
    """Plot the distance of the preconditioners from the inverse Hessian (LODO Fig. 2)."""
    return [
        figure_section(
            figures.hessian_errors(task, lines, result.store).figure,
            name=f"hessian-error{suffix}",
            caption="Distance of the preconditioner G from the inverse of the Hessian H, measured every 100 steps.",
        )
        for task, lines, suffix in _by_task(result)
    ]


def trajectories(result: ExperimentResult) -> list[Section]:
    """Plot the paths of the first seeds over the contours of a task with two parameters (LODO Fig. 3, 11)."""
    return [
        figure_section(
            figures.trajectories(task, lines, result.store).figure,
            name=f"trajectories{suffix}",
            caption=f"Trajectories of the optimizers on {task.label}, seed 0, from the circle to the dot.",
        )
        for task, lines, suffix in _by_task(result)
    ]


def _by_task(result: ExperimentResult) -> Iterator[tuple[TaskSpec, list[ResultGroup], str]]:
    """Yield each task, its lines, and the suffix of the names of its files."""
    tasks = tasks_of(result.run_sets)
    for index, task in enumerate(tasks):
        lines = result_groups(record for record in result.run_sets if record.spec.task == task)
        yield task, lines, f"-{index + 1}" if len(tasks) > 1 else ""
