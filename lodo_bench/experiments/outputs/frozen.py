"""What a preconditioner is worth once it stops to learn: nothing on another problem (LODO §5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodo_bench.backends.threads import single_thread
from lodo_bench.charts.curves import RunCurve, aggregate
from lodo_bench.charts.line_styles import line_styles_of
from lodo_bench.charts.series import PlotSeries
from lodo_bench.experiments.run import CaseResult, ExperimentResult
from lodo_bench.experiments.section import Section, drawn
from lodo_bench.optimizers.build import build_optimizer
from lodo_bench.optimizers.lodo.base import LearnedPreconditioning
from lodo_bench.plots.curves import Panel, course_figure
from lodo_bench.report.markdown import number, table
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, TrainingSpec
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.build import build_task
from lodo_bench.training.trainer import Trainer

AFTERWARDS = 50
_SHOWN = (1, 2, 5, 10, 20, 50)
_LARGE = 1000.0
_META_RATE = "meta_learning_rate"
Floats = NDArray[np.float64]


def frozen(done: ExperimentResult) -> list[Section]:
    """LODO tracks a task, its θ is frozen, and it is used on a new problem of the same kind.

    The part's `runs` say with how many seeds and for how long it tracks. It is computed anew each time.
    """
    return [_piece(result, measure(result, done)) for result in done.results]


def measure(result: CaseResult, done: ExperimentResult) -> Mapping[str, Floats]:
    """Losses, (steps, seeds), after tracking: frozen on a new problem and on its own, and still learning on a new."""
    runs = result.case.part.runs[0]
    spec = TrainingSpec(
        task=result.case.task,
        optimizer=result.case.optimizer,
        purpose="final",
        individuals=tuple(Individual((seed,), result.hyperparameters.values) for seed in range(runs.num_seeds)),
        steps=runs.steps,
        compute=done.execution.compute_for(result.case.task),
    )
    with single_thread():
        task = build_task(spec)
        tracking = _lodo(spec, task.initial_point(), learning=True)
        _advance(task, tracking, runs.steps)
        found = {}
        for label, learning in (("frozen, new problem", False), ("still learning, new problem", True)):
            new = build_task(_other_problems(spec))
            found[label] = _advance(new, _lodo(spec, new.initial_point(), learning, tracking), AFTERWARDS)
        stopped = _lodo(spec, tracking.x.clone(), False, tracking)
        found["frozen, its own problem"] = _advance(task, stopped, AFTERWARDS)
    return found


def _other_problems(spec: TrainingSpec) -> TrainingSpec:
    """The same individuals on other problems of the task."""
    individuals = tuple(Individual((*i.key, 1), i.hyperparameters) for i in spec.individuals)
    return replace(spec, individuals=individuals)


def _lodo(
    spec: TrainingSpec, x: Tensor, learning: bool, like: LearnedPreconditioning | None = None
) -> LearnedPreconditioning:
    """The optimizer at its start, with the weights of another if there is one; frozen unless it is learning."""
    if not learning:
        frozen = tuple(replace(i, hyperparameters={**i.hyperparameters, _META_RATE: 0.0}) for i in spec.individuals)
        spec = replace(spec, individuals=frozen)
    optimizer = build_optimizer(spec, x)
    assert isinstance(optimizer, LearnedPreconditioning), "the loader lets no others in"
    if like is not None:
        optimizer.preconditioner.weights.copy_(like.preconditioner.weights)
    return optimizer


def _advance(task: Task, optimizer: LearnedPreconditioning, steps: int) -> Floats:
    """Take so many steps; their losses, (steps, P)."""
    losses = torch.stack(list(islice(Trainer(task, optimizer, steps).steps(), steps)))
    found: Floats = losses.to("cpu", torch.float64).numpy()
    return found


def _piece(result: CaseResult, found: Mapping[str, Floats]) -> Section:
    runs, label = result.case.part.runs[0], result.case.optimizer.label
    rows = [
        [name, *(number(float(np.median(losses[step - 1]))) for step in _SHOWN), _large_after(losses)]
        for name, losses in found.items()
    ]
    headers = ["", *(f"step {step}" for step in _SHOWN), f"loss > {_LARGE:,.0f}"]
    text = (
        f"### {label} on {result.case.task.label}, frozen after {runs.steps:,} steps\n\n{table(headers, rows)}\n\n"
        f"- Median training loss over {runs.num_seeds} seeds; in the last column the median of the steps after which it "
        f"is above {_LARGE:,.0f}, and in how many runs it ever is."
    )
    looks = line_styles_of([result.case.optimizer.name] * len(found))
    lines = []
    for (name, losses), look in zip(found.items(), looks, strict=True):
        if (line := aggregate(_path(losses[:, seed]) for seed in range(losses.shape[1]))) is not None:
            lines.append(PlotSeries(name, look, line))
    panel = Panel("steps since it was frozen", "training loss", lines, whole=True)
    figure = course_figure(f"{label}, frozen", [panel])
    return Section(text, drawn(figure), "frozen", f"{label} after it was frozen, on its own problem and on a new one.")


def _path(losses: Floats) -> RunCurve:
    broken = np.flatnonzero(~np.isfinite(losses))
    end = int(broken[0]) + 1 if len(broken) else len(losses)
    return RunCurve(np.arange(1.0, end + 1), losses[:end], Status.DIVERGED if len(broken) else Status.COMPLETED)


def _large_after(losses: Floats) -> str:
    large = ~(losses <= _LARGE)
    reached = large.any(axis=0)
    if not reached.any():
        return f"never (0 of {losses.shape[1]})"
    steps = large.argmax(axis=0)[reached] + 1
    return f"{np.median(steps):g} steps ({reached.sum()} of {losses.shape[1]})"
