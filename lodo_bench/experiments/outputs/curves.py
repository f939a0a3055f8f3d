"""Learning curves, Hessian errors and trajectories, of each task."""

from __future__ import annotations

from collections.abc import Iterator

from lodo_bench.charts.lines import Line, lines_of
from lodo_bench.experiments.outputs.comparison import tasks_of
from lodo_bench.experiments.run import Done
from lodo_bench.experiments.section import Piece, drawn
from lodo_bench.figures import kinds as pictures
from lodo_bench.spec.training import TaskSpec


def curves(done: Done) -> list[Piece]:
    """Learning curves by steps and by time (LODO Fig. 2, 4, 6)."""
    return [
        Piece(
            picture=drawn(pictures.learning_curves(task, lines, done.store).figure),
            name=f"curves{suffix}",
            caption=f"Learning curves on {task.label}: the median over the seeds, and all of them in the band.",
        )
        for task, lines, suffix in _by_task(done)
    ]


def hessian_error(done: Done) -> list[Piece]:
    """How far the preconditioners are from the inverse Hessian (LODO Fig. 2)."""
    return [
        Piece(
            picture=drawn(pictures.hessian_errors(task, lines, done.store).figure),
            name=f"hessian-error{suffix}",
            caption="How far the preconditioner G is from the inverse of the Hessian H, measured every 100 steps.",
        )
        for task, lines, suffix in _by_task(done)
    ]


def trajectories(done: Done) -> list[Piece]:
    """The paths of the first seeds over the contours of a task with two parameters (LODO Fig. 3, 11)."""
    return [
        Piece(
            picture=drawn(pictures.trajectories(task, lines, done.store).figure),
            name=f"trajectories{suffix}",
            caption=f"The path that each optimizer takes on {task.label}, seed 0, from the circle to the dot.",
        )
        for task, lines, suffix in _by_task(done)
    ]


def _by_task(done: Done) -> Iterator[tuple[TaskSpec, list[Line], str]]:
    """Each task, its lines, and what the names of its files end with."""
    tasks = tasks_of(done.run_sets)
    for index, task in enumerate(tasks):
        lines = lines_of(record for record in done.run_sets if record.spec.task == task)
        yield task, lines, f"-{index + 1}" if len(tasks) > 1 else ""
