"""Learning curves, Hessian errors and trajectories, of each task."""

from __future__ import annotations

from collections.abc import Iterator

from lodo_bench.charts.groups import ResultGroup, result_groups
from lodo_bench.experiments.outputs.comparison import tasks_of
from lodo_bench.experiments.run import ExperimentResult
from lodo_bench.experiments.section import Section, drawn
from lodo_bench.figures import kinds as pictures
from lodo_bench.spec.training import TaskSpec


def curves(done: ExperimentResult) -> list[Section]:
    """Learning curves by steps and by time (LODO Fig. 2, 4, 6)."""
    return [
        Section(
            picture=drawn(pictures.learning_curves(task, lines, done.store).figure),
            name=f"curves{suffix}",
            caption=f"Learning curves on {task.label}: the median over the seeds, and all of them in the band.",
        )
        for task, lines, suffix in _by_task(done)
    ]


def hessian_error(done: ExperimentResult) -> list[Section]:
    """How far the preconditioners are from the inverse Hessian (LODO Fig. 2)."""
    return [
        Section(
            picture=drawn(pictures.hessian_errors(task, lines, done.store).figure),
            name=f"hessian-error{suffix}",
            caption="How far the preconditioner G is from the inverse of the Hessian H, measured every 100 steps.",
        )
        for task, lines, suffix in _by_task(done)
    ]


def trajectories(done: ExperimentResult) -> list[Section]:
    """The paths of the first seeds over the contours of a task with two parameters (LODO Fig. 3, 11)."""
    return [
        Section(
            picture=drawn(pictures.trajectories(task, lines, done.store).figure),
            name=f"trajectories{suffix}",
            caption=f"The path that each optimizer takes on {task.label}, seed 0, from the circle to the dot.",
        )
        for task, lines, suffix in _by_task(done)
    ]


def _by_task(done: ExperimentResult) -> Iterator[tuple[TaskSpec, list[ResultGroup], str]]:
    """Each task, its lines, and what the names of its files end with."""
    tasks = tasks_of(done.run_sets)
    for index, task in enumerate(tasks):
        lines = result_groups(record for record in done.run_sets if record.spec.task == task)
        yield task, lines, f"-{index + 1}" if len(tasks) > 1 else ""
