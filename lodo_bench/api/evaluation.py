"""A warning before runs whose evaluation takes long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lodo_bench.api.progress import ProgressReporter
from lodo_bench.report.formatting import counted, duration
from lodo_bench.spec.milestone import milestones
from lodo_bench.spec.options import Value, format_value
from lodo_bench.spec.run_set import RunSetSpec
from lodo_bench.spec.training import Individual, TaskSpec, TrainingSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.evaluation import evaluation_seconds

# A shorter evaluation needs no warning.
_LONG_SECONDS = 60.0


def notice_long_evaluation(specs: Sequence[RunSetSpec], progress: ProgressReporter) -> None:
    """Say how long the test metrics of runs take on this machine, if that is long, and how to shorten them.

    It is measured with a few batches, for tasks that have a shorter way.

    Args:
        specs: the runs of one command, which have the same task and compute settings.
        progress: receives the notice.
    """
    first = specs[0]
    short = TASKS.load(first.task.name).short_evaluation
    if not short:
        return
    seconds = _seconds(first, first.task)
    if seconds < _LONG_SECONDS:
        return
    runs = sum(spec.num_seeds for spec in specs) * len(milestones(first.steps, first.seconds))
    progress.notice(
        f"The test metrics of {first.task.label} take about {duration(seconds)} on this machine, and are measured "
        f"{counted(runs, 'time')}. {_way_out(first, short, seconds)}"
    )


def _way_out(spec: RunSetSpec, short: Mapping[str, Value], seconds: float) -> str:
    options = {**spec.task.options, **short}
    shorter = _seconds(spec, replace(spec.task, options=options))
    if shorter > seconds / 2:
        return "They have a progress bar, and Ctrl-C keeps the run."
    typed = " ".join(f"-T {name}={format_value(value)}" for name, value in short.items())
    return f"To estimate them from a sample in about {duration(shorter)}, stop with Ctrl-C and add {typed}."


def _seconds(spec: RunSetSpec, task: TaskSpec) -> float:
    individuals = (Individual((0,), spec.hyperparameters.values),)
    return evaluation_seconds(
        TrainingSpec(task, spec.optimizer, "final", individuals, spec.steps, compute=spec.compute)
    )
